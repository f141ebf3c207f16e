"""Samples of a user's data set, made into the tensors that a Source declares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.decode import image_tensor
from torchferry.training.data.source import ImageInput, TensorInput
from torchferry.training.errors import CorruptSample


@dataclass(frozen=True)
class Sample:
    """What is expected. Calling it converts (x, y); UserError says what was found instead, and `name`, or CorruptSample
    of a picture that cannot be read."""

    input: ImageInput | TensorInput
    labels: int
    targets: str
    """As the source gives them: classes, values, labels, or several."""
    values: torch.dtype = torch.float32
    """Of regression targets."""
    parts: Mapping[str, "Sample"] = field(default_factory=dict)
    """Of several targets what each is."""

    def __call__(self, found: Any, name: str) -> tuple[torch.Tensor, Any]:
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise UserError(f"{name}: is {_words(found)}; (x, y) is expected")
        return self._x(found[0], name), self._several(found[1], name) if self.parts else self._y(found[1], name)

    def _x(self, x: Any, name: str) -> torch.Tensor:
        """As the input declares it."""
        if isinstance(x, Image.Image) and isinstance(self.input, ImageInput):
            try:
                return image_tensor(x, self.input)
            except Exception as error:  # Pillow reads a file only now, and its plugins raise many kinds
                raise CorruptSample(f"{name}: cannot be read as an image: {one_line(error)}") from error
        datatype = "uint8" if isinstance(self.input, ImageInput) else self.input.datatype
        tensor = _tensor(x)
        if tensor is None or tensor.dtype != getattr(torch, datatype) or tensor.shape != self.input.shape:
            or_image = "a PIL image or " if isinstance(self.input, ImageInput) else ""
            raise UserError(f"{name}: x is {_words(x)}; {or_image}{datatype} {list(self.input.shape)} is expected")
        return tensor

    def _several(self, y: Any, name: str) -> dict[str, torch.Tensor]:
        """Those that are asked for; a sample may have more."""
        if not isinstance(y, Mapping):
            raise UserError(f"{name}: y is {_words(y)}; a dict of {', '.join(self.parts)} is expected")
        if missing := [part for part in self.parts if part not in y]:
            raise UserError(f"{name}: y has {', '.join(map(str, y)) or 'nothing'}, but no {missing[0]}")
        return {part: sample._y(y[part], f"{name} {part}") for part, sample in self.parts.items()}

    def _y(self, y: Any, name: str) -> torch.Tensor:
        """int64 [], of values [labels] in the datatype of `values`, of labels uint8 [labels]."""
        tensor = _numbers(y)
        if self.targets == "labels":
            if tensor is None or tensor.shape != (self.labels,) or not ((tensor == 0) | (tensor == 1)).all():
                raise UserError(f"{name}: y is {_words(y)}; 0 or 1 is expected for each of {self.labels} labels")
            return tensor.to(torch.uint8)
        if self.targets == "values":
            if tensor is None or tensor.is_complex() or tensor.numel() != self.labels or tensor.ndim > 1:
                raise UserError(f"{name}: y is {_words(y)}; {self.labels} numbers are expected, one for each label")
            narrow = tensor.reshape(self.labels).to(self.values)
            if not narrow.isfinite().all():
                datatype = str(self.values).removeprefix("torch.")
                raise UserError(f"{name}: y is {tensor.tolist()}; every target must be finite as {datatype}")
            return narrow
        if tensor is None or tensor.ndim or tensor.is_floating_point() or not 0 <= int(tensor) < self.labels:
            raise UserError(f"{name}: y is {_words(y)}; a class from 0 to {self.labels - 1} is expected")
        return tensor.to(torch.int64)


def _numbers(y: Any) -> torch.Tensor | None:
    try:
        if _is_number(y):
            return torch.tensor(y, dtype=torch.float64 if isinstance(y, float) else None)
        return _tensor(np.asarray(y) if isinstance(y, Sequence) else y)
    except (ValueError, RuntimeError):  # of several lengths, or beyond 64 bits
        return None


def _tensor(value: Any) -> torch.Tensor | None:
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return torch.from_numpy(np.array(value))  # a copy: torch warns of arrays that cannot be written
    return value.detach() if isinstance(value, torch.Tensor) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _words(value: Any) -> str:
    """A short word for what was found: a type and shape, or the number."""
    if _is_number(value) or (isinstance(value, torch.Tensor | np.ndarray | np.generic) and value.ndim == 0):
        return f"{value}"
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
