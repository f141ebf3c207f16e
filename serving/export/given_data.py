"""The samples for a model that was not trained here: a folder of images, an .npz of arrays, or made up."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch.utils.data import Dataset, TensorDataset

from serving.errors import UserError
from serving.export.input_words import GivenInput
from serving.export.samples import Samples
from training.data.image_files import ImageFiles
from training.data.image_folder import class_folders, image_names
from training.data.source import ImageInput, TensorInput
from training.errors import UserError as TrainingUserError

MADE_UP = 64
TARGETS = "targets"


def samples_of(path: Path | None, inputs: Sequence[GivenInput], labels: tuple[str, ...], option: str) -> Samples:
    """Raises UserError for data that are not there, or not what `inputs` say."""
    names = tuple(each.name for each in inputs)
    if path is None:
        return Samples(TensorDataset(*(_made_up(each) for each in inputs)), names, random=True)
    if path.is_dir():
        if len(inputs) > 1 or not isinstance(inputs[0].of, ImageInput):
            raise UserError(f"{option}: {path} is a folder, which is for a model of one image; give an .npz file")
        return Samples(_images(path, inputs[0].of, labels, option), names)
    return Samples(_arrays(path, inputs, option), names)


def _images(folder: Path, image: ImageInput, labels: tuple[str, ...], option: str) -> Dataset:
    try:
        classes = class_folders(folder.parent, folder.name)
    except TrainingUserError as error:
        raise UserError(f"{option}: {error}") from error
    if unknown := [name for name in classes if name not in labels]:
        raise UserError(f"{option}: {folder / unknown[0]} is none of the classes in --labels")
    files = [(name, labels.index(label)) for label in classes for name in image_names(folder, label)]
    if not files:
        raise UserError(f"{option}: {folder} has no image files; CLASS/*.jpg is expected")
    names, targets = zip(*files, strict=True)
    return ImageFiles(folder, list(names), list(targets), image)


def _arrays(path: Path, inputs: Sequence[GivenInput], option: str) -> Dataset:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except (OSError, ValueError, BadZipFile, TypeError) as error:
        raise UserError(f"{option}: {path} is no folder of images and no .npz of plain arrays ({error})") from error
    tensors = []
    for each in inputs:
        if each.name not in arrays:
            raise UserError(f"{option}: {path} has {', '.join(arrays)}, but no '{each.name}'")
        wanted, given = _made_up(each, 1), arrays[each.name]
        if given.shape[1:] != tuple(wanted.shape[1:]) or not len(given):
            raise UserError(f"{option}: '{each.name}' in {path} is {list(given.shape)}; [samples, "
                            f"{str(list(wanted.shape[1:]))[1:-1]}] is expected")  # fmt: skip
        tensors.append(torch.from_numpy(given.astype(wanted.numpy().dtype)))
    if TARGETS in arrays:
        tensors.append(torch.from_numpy(arrays[TARGETS]))
    if len({len(tensor) for tensor in tensors}) > 1:
        raise UserError(
            f"{option}: the arrays in {path} have {', '.join(str(len(tensor)) for tensor in tensors)} samples"
        )
    return TensorDataset(*tensors)


def _made_up(each: GivenInput, samples: int = MADE_UP) -> torch.Tensor:
    """The same ones each time."""
    generator, shape = torch.Generator().manual_seed(0), (samples, *each.of.shape)
    if isinstance(each.of, ImageInput):
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    if isinstance(each.of, TensorInput) and each.of.datatype == "int64":
        return torch.randint(0, 2, shape, generator=generator)  # ids that any vocabulary has
    return torch.randn(shape, generator=generator)
