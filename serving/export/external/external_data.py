"""The samples for a model that was not trained here: a folder of images, an .npz of arrays, a source's, or made up."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree
from torch.utils.data import Dataset, Subset, TensorDataset

from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import BFLOAT16, STRINGS
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.external.output_specs import said_task
from torchferry.serving.export.numbered_strings import numbered
from torchferry.serving.export.samples import Samples
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.pictures.folder_layout import class_folders
from torchferry.training.data.pictures.image_files import ImageFiles
from torchferry.training.data.pictures.image_folder import class_pictures
from torchferry.training.data.source import ImageInput, Source, TensorInput
from torchferry.training.tasks.task import TrainingTask

MADE_UP, FEWEST = 64, 8
MOST_NUMBERS = 2**24
"""In all made-up samples of an input: of large ones there are fewer, which would else take hours and tell no more."""
EVALUATION = "--eval-data"
TARGETS = "targets"
CLASSES = "classes"
"""What a folder of folders says, as Source.targets has it."""


def samples_of(
    path: Path | None, inputs: Sequence[GivenInput], labels: tuple[str, ...], task: TrainingTask, option: str
) -> Samples:
    """Raises UserError for data that are not there, or not what `inputs` say."""
    names = tuple(each.name for each in inputs)
    if path is None:
        largest = max(math.prod(each.of.shape) for each in inputs)
        count = max(FEWEST, min(MADE_UP, MOST_NUMBERS // max(1, largest)))
        return Samples(TensorDataset(*(_made_up(each, count) for each in inputs)), names, random=True)
    if path.is_dir():
        if len(inputs) > 1 or not isinstance(inputs[0].of, ImageInput):
            raise UserError(f"{option}: {path} is a folder, which is for a model of one image; give an .npz file")
        if task.task.headline and task.targets != CLASSES:
            raise UserError(f"{option}: {path} is a folder, which says the classes of pictures; {said_task(task.task)} "
                            f"takes {task.takes}; --source names files of these")  # fmt: skip
        return Samples(_images(path, inputs[0].of, labels if task.knows_classes else None, option), names)
    return Samples(_arrays(path, inputs, task, option), names)


def in_full(samples: Samples) -> Samples | None:
    """The same with its JPEGs decoded in full, where they are files that are not."""
    files = samples.data
    if not isinstance(files, ImageFiles) or files.image.jpeg == "full":
        return None
    return replace(samples, data=ImageFiles(files.folder, files.files, replace(files.image, jpeg="full")))


def of_source(source: Source, inputs: Sequence[GivenInput], task: TrainingTask) -> tuple[Samples, Samples]:
    """What a model is judged on, and what quantisation may look at."""
    names = tuple(each.name for each in inputs)
    return Samples(source.test, names, task=task), Samples(source.train, names, task=task)


def with_checked_targets(samples: Samples, task: TrainingTask, option: str) -> Samples:
    """The same; targets that are read from files are looked at once they are. Raises UserError for targets that cannot
    be the model's."""
    if isinstance(samples.data, TensorDataset):
        _check_held(samples, task, option)
        return samples
    return samples if samples.task is None else replace(samples, data=CheckedTargets(samples.data, task, option))


class CheckedTargets(Subset):
    """The same samples. Raises UserError for a target that cannot be the model's."""

    def __init__(self, samples: Dataset, task: TrainingTask, option: str) -> None:
        super().__init__(samples, range(len(samples)))  # type: ignore[arg-type]  # map-style
        self.task, self.option = task, option

    def __getitem__(self, index: Any) -> Any:
        *inputs, target = super().__getitem__(index)
        if wrong := self.task.wrong_targets(self.task.batched([target])):
            raise UserError(f"{self.option}: sample {index} {wrong[1]}")
        return (*inputs, target)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [self[index] for index in indices]


def _check_held(samples: Samples, task: TrainingTask, option: str) -> None:
    """Those in memory."""
    held = list(samples.data.tensors[len(samples.names) :])  # type: ignore[attr-defined]  # a TensorDataset's
    if not held:
        return
    given, legal = task.of_tensors(held), task.blank_targets(1)
    if samples.task is None:  # a file of arrays, whose shapes nobody has looked at
        for found, expected in zip(*map(pytree.tree_leaves, (given, legal)), strict=True):
            _check_shape(found, expected, option)
    if wrong := task.wrong_targets(given):
        where = f"'{TARGETS}' of sample" if samples.task is None else "sample"
        raise UserError(f"{option}: {where} {wrong[0]} {wrong[1]}")


def _check_shape(given: torch.Tensor, legal: torch.Tensor, option: str) -> None:
    if given.shape[1:] != legal.shape[1:]:
        what, wanted = (f"[samples{''.join(f', {size}' for size in each.shape[1:])}]" for each in (given, legal))
        raise UserError(f"{option}: '{TARGETS}' is {what}; {wanted} is expected of this model")


def check_finite(samples: Samples, specs: Sequence[TensorSpec], option: str) -> None:
    """Raises UserError for NaN and infinity that no server would take."""
    if samples.random or not isinstance(samples.data, TensorDataset):
        return
    for spec, values in zip(specs, samples.data.tensors, strict=False):
        if not values.is_floating_point():
            continue
        if not spec.allow_infinity and (rows := _rows_of(torch.isinf(values))).numel():
            found = f"{option}: '{spec.name}' is infinite in sample {rows[0].item()}"
            raise UserError(f"{found}; servers take finite numbers, and others with --allow-infinity")
        if not spec.allow_nan and (rows := _rows_of(torch.isnan(values))).numel():
            found = f"{option}: '{spec.name}' is NaN in sample {rows[0].item()}"
            raise UserError(f"{found}; --allow-nan says that the model takes missing values")


def _rows_of(found: torch.Tensor) -> torch.Tensor:
    """The samples that have any."""
    return found.reshape(len(found), math.prod(found.shape[1:])).any(dim=1).nonzero()


def _images(folder: Path, image: ImageInput, labels: tuple[str, ...] | None, option: str) -> Dataset:
    """Without `labels` the classes are the folders."""
    try:
        classes = class_folders(folder)
    except UserError as error:
        raise UserError(f"{option}: {error}") from error
    labels = classes if labels is None else labels
    if unknown := [name for name in classes if name not in labels]:
        raise UserError(f"{option}: {folder / unknown[0]} is none of the classes in --labels")
    files, left_out = class_pictures(folder, classes, labels)
    if not len(files):
        raise UserError(f"{option}: {folder} has no image files; CLASS/*.jpg is expected")
    for line in left_out:
        print(f"{option}: {line}")
    return ImageFiles(folder, files, image)


def _arrays(path: Path, inputs: Sequence[GivenInput], task: TrainingTask, option: str) -> Dataset:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = dict(file)
    except Exception as error:  # each kind of damage has an error of its own
        raise UserError(
            f"{option}: {path} is no folder of images and no .npz of plain arrays ({one_line(error)})"
        ) from error
    has_targets = bool(task.task.headline)  # where nothing is known of the outputs, nothing is compared with them
    if has_targets and any(each.name.partition(".")[0] == TARGETS for each in inputs):
        raise UserError(f"--input: '{TARGETS}' is also what {option} calls the targets; say --task tensors, or give "
                        "the argument of forward another name")  # fmt: skip
    tensors = []
    for each in inputs:
        if each.name not in arrays:
            raise UserError(f"{option}: {path} has {', '.join(arrays)}, but no '{each.name}'")
        given = arrays[each.name]
        if given.shape[1:] != each.of.shape or not len(given):
            raise UserError(f"{option}: '{each.name}' in {path} is {list(given.shape)}; [samples, "
                            f"{str(list(each.of.shape))[1:-1]}] is expected")  # fmt: skip
        tensors.append(torch.from_numpy(_of_input(given, each, f"{option}: '{each.name}' in {path}")))
    if has_targets:
        tensors += _targets(arrays, task, f"{option}: ", f" in {path}")
    elif TARGETS in arrays and TARGETS not in [each.name for each in inputs]:
        print(f"{option}: the {TARGETS} in {path} are compared with nothing; --task says what outputs mean", flush=True)
    if len({len(tensor) for tensor in tensors}) > 1:
        raise UserError(
            f"{option}: the arrays in {path} have {', '.join(str(len(tensor)) for tensor in tensors)} samples"
        )
    return TensorDataset(*tensors)


def _targets(arrays: Mapping[str, np.ndarray], task: TrainingTask, before: str, behind: str) -> list[torch.Tensor]:
    """None where there are none; of a task that is made of others one for each of these. Raises UserError."""
    parts = {f"{TARGETS}.{part}": half for part, half in task.halves.items()} or {TARGETS: task}
    if not any(name.partition(".")[0] == TARGETS for name in arrays):
        return []
    for name in parts:
        if name not in arrays:
            raise UserError(f"{before}there is no '{name}'{behind}, which has {', '.join(arrays)}")
    return [
        torch.from_numpy(half.read_targets(arrays[name], f"{before}'{name}'{behind}")) for name, half in parts.items()
    ]


def _of_input(given: np.ndarray, each: GivenInput, what: str) -> np.ndarray:
    if each.datatype != STRINGS:
        cast = _cast(given, _made_up(each, 1).numpy().dtype, what)
        return torch.from_numpy(cast).bfloat16().float().numpy() if each.datatype == BFLOAT16 else cast
    if given.dtype.kind not in "SU":
        raise UserError(f"{what} is {given.dtype}; strings are expected")
    try:
        np.strings.decode(given, "utf-8") if given.dtype.kind == "S" else np.strings.encode(given, "utf-8")
    except UnicodeError as error:
        raise UserError(f"{what} has strings that are not UTF-8") from error
    return numbered(given)


def _cast(given: np.ndarray, wanted: np.dtype, what: str) -> np.ndarray:
    """Only what loses nothing: pixels from 0 to 1 as whole numbers would be a black image.

    Floats may be rounded, as numpy makes float64 of whatever it is not told; none may become infinite.
    """
    are_rounded = given.dtype.kind == wanted.kind == "f"
    with np.errstate(over="ignore"):
        cast = given.astype(wanted) if are_rounded or np.can_cast(given.dtype, wanted) else None
    if cast is None or (are_rounded and (np.isinf(cast) != np.isinf(given)).any()):
        raise UserError(f"{what} is {given.dtype}; {wanted} is expected, or what becomes it without loss")
    return cast


def _made_up(each: GivenInput, samples: int) -> torch.Tensor:
    """The same ones each time."""
    generator, shape = torch.Generator().manual_seed(0), (samples, *each.of.shape)
    if isinstance(each.of, ImageInput):
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    if each.datatype == STRINGS:
        raise UserError(f"{EVALUATION}: is missing; '{each.name}' takes strings, which cannot be made up; give an .npz "
                        "with some that the model knows")  # fmt: skip
    datatype = getattr(torch, each.of.datatype) if isinstance(each.of, TensorInput) else torch.float32
    if not datatype.is_floating_point:
        return torch.randint(0, 2, shape, generator=generator).to(datatype)  # ids that any vocabulary has
    numbers = torch.randn(shape, generator=generator).to(datatype)
    return numbers.float() if datatype == torch.bfloat16 else numbers
