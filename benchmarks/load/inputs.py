"""The tensors of a request: an image, the arrays of a file, or random values, as the model's metadata asks for them."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import DTYPES

RANDOM = 16  # different requests, so that no cache answers them
# What np.load raises for damaged files, for a lone .npy (TypeError) and for encrypted ones (RuntimeError).
NOT_ARRAYS = (OSError, ValueError, EOFError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow's colours by the channels that a model takes."""
Inputs = dict[str, np.ndarray]
"""One request's tensors by name; the first axis is the batch."""


def files_of(path: Path) -> list[Path]:
    """The file, or those in the folder and below. Raises UserError."""
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
        if not found:
            raise UserError(f"--input: {path} is an empty folder")
        return found
    if not path.is_file():
        raise UserError(f"--input: {path} cannot be read; give a file, a folder of files, or 'random'")
    return [path]


def read_inputs(path: Path, specs: Sequence[TensorSpec], batch: int) -> list[Inputs]:
    """A request for each file: an .npz with an array for each input, or an image for a model that takes one.

    Raises UserError for a file that does not fit `specs`.
    """
    return [_arrays(file, specs) if file.suffix == ".npz" else _image(file, specs, batch) for file in files_of(path)]


def random_inputs(specs: Sequence[TensorSpec], batch: int) -> list[Inputs]:
    """Requests of values between 0 and 1, or 0 and 255 for bytes; the same in every run. Raises UserError."""
    random = np.random.default_rng(0)
    return [{spec.name: _random(spec, batch, random) for spec in specs} for _ in range(RANDOM)]


def _random(spec: TensorSpec, batch: int, random: np.random.Generator) -> np.ndarray:
    dtype = DTYPES.get(spec.datatype)
    if dtype is None:
        raise UserError(
            f"--input: no random {spec.datatype} for '{spec.name}'; give an .npz with an array of that name"
        )
    if -1 in spec.shape[1:]:
        raise UserError(
            f"--input: '{spec.name}' has the shape {list(spec.shape)}, whose sizes are open; give an .npz with an array"
        )
    shape = (batch if spec.shape and spec.shape[0] == -1 else spec.shape[0], *spec.shape[1:])
    values = random.random(shape)
    if dtype == np.uint8:
        return (values * 256).astype(np.uint8)
    return (values * 2).astype(dtype) if dtype.kind in "biu" else values.astype(dtype)


def _arrays(file: Path, specs: Sequence[TensorSpec]) -> Inputs:
    try:
        with np.load(file, allow_pickle=False) as content:
            # A member that is no array comes as bytes; its shape then does not fit.
            arrays = {name: np.asarray(array) for name, array in content.items()}
    except NOT_ARRAYS as error:
        raise UserError(f"--input: {file} is not an .npz of plain arrays ({error})") from error
    if arrays.keys() != {spec.name for spec in specs}:
        wanted = ", ".join(spec.name for spec in specs)
        raise UserError(f"--input: {file} holds {', '.join(arrays) or 'nothing'}; the model takes {wanted}")
    for spec in specs:
        shape, dtype = arrays[spec.name].shape, arrays[spec.name].dtype
        text = spec.datatype == "BYTES" and dtype.kind in "SU"
        if (dtype != DTYPES.get(spec.datatype) and not text) or not _fits(shape, spec.shape):
            wanted = f"{spec.datatype} {list(spec.shape)}, -1 being any size"
            raise UserError(f"--input: {file}: '{spec.name}' is {dtype} {list(shape)}; the model takes {wanted}")
    return arrays


def _fits(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    return len(shape) == len(wanted) and all(
        any_size in (-1, size) for size, any_size in zip(shape, wanted, strict=True)
    )


def _image(file: Path, specs: Sequence[TensorSpec], batch: int) -> Inputs:
    """uint8 as it is, floats between 0 and 1; channels first or last, resized to what the model takes."""
    (spec, *others) = specs
    dtype = DTYPES.get(spec.datatype)
    if others or len(spec.shape) != 4 or dtype not in (np.uint8, np.float16, np.float32):
        takes = ", ".join(f"{spec.name} {spec.datatype} {list(spec.shape)}" for spec in specs)
        why = "has several inputs:" if others else "takes no image, but"
        raise UserError(f"--input: {file} is no .npz, and the model {why} {takes}")
    first = spec.shape[1] in (1, 3) or (spec.shape[1] in MODES and spec.shape[3] not in MODES)
    channels, height, width = spec.shape[1:] if first else (spec.shape[3], *spec.shape[1:3])
    if channels not in MODES or min(height, width) < 1:
        raise UserError(f"--input: an image does not fit '{spec.name}' with its shape {list(spec.shape)}; give an .npz")
    try:
        with Image.open(file) as image:
            pixels = np.asarray(image.convert(MODES[channels]).resize((width, height)))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"--input: {file} is no image that can be read ({error})") from error
    pixels = pixels.reshape(height, width, channels)
    pixels = pixels.transpose(2, 0, 1) if first else pixels
    values = pixels if dtype == np.uint8 else (pixels / 255).astype(dtype)
    return {spec.name: np.repeat(np.ascontiguousarray(values)[None], batch, axis=0)}
