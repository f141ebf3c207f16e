"""The samples of a source, as a recipe names it, for a model that was not trained here."""

import inspect
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.utils.data import Dataset, TensorDataset

from torchferry.contract.axes import Axis
from torchferry.errors import UserError
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.own_sizes import with_own_sizes
from torchferry.training.config.component_text import component_of
from torchferry.training.config.instantiate import Component, find
from torchferry.training.data import SOURCES
from torchferry.training.data.arguments import recipe_arguments
from torchferry.training.data.build_source import build_source
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.source import ImageInput, Input, Source, TableInput, TensorInput
from torchferry.training.discovery.other_data import in_words
from torchferry.training.tasks.task import TrainingTask

OPTION = "--source"
PICTURE = tuple(recipe_arguments(image_input))
"""What sources of picture files are told, and --input and the options beside it say here."""


def read_source(text: str, inputs: Sequence[GivenInput], task: TrainingTask) -> tuple[Source, TrainingTask]:
    """Its pictures as the one input says, its tables in float32; and the task for them. Raises UserError for samples
    that are not the task's, or that no model with this input takes."""
    if len(inputs) > 1:
        raise UserError(f"{OPTION}: is for a model of one input; give an .npz file with --eval-data")
    component, asked = component_of(text, OPTION), _of_one_size(inputs[0].of)
    takes = inspect.signature(SOURCES.get(component.name) or find(component.name, SOURCES, OPTION)).parameters
    if isinstance(asked, ImageInput):
        component = _with_picture(component, takes, asked)
    elif {"height", "width"} <= set(takes):
        raise UserError(f"{OPTION}: {component.name} gives pictures; --input {inputs[0].text} is none")
    try:
        source = build_source(component, task.targets)
        task = task.judged_by(source)
    except UserError as error:
        raise UserError(_own_words(str(error))) from error
    if source.damaged:
        raise UserError(f"{OPTION}: {source.damaged[0]}")
    _check_input(source, replace(inputs[0], of=asked))
    if isinstance(own := inputs[0].of, ImageInput) and own != asked:
        source = with_own_sizes(source, own)
    if isinstance(asked, TensorInput) and isinstance(source.input, TableInput):
        source = replace(source, train=_narrowed(source.train), test=_narrowed(source.test))
    return source, task


def _of_one_size(asked: Input) -> Input:
    """What a source is told in place of pictures of their own size, which it gets once it is built."""
    if isinstance(asked, ImageInput) and isinstance(asked.height, Axis) and isinstance(asked.width, Axis):
        return replace(asked, height=asked.height.sizes[-1], width=asked.width.sizes[-1], resize="pad")
    return asked


def _own_words(text: str) -> str:
    """A recipe's keys as the options here."""
    for key, option in {r"data\.source": OPTION, r"task\.args\.": "--task-args.", "task: ": "--task: "}.items():
        text = re.sub(rf"(?<![\w.]){key}", option, text)  # and no module of that name
    return text


def _with_picture(component: Component, takes: Collection[str], picture: ImageInput) -> Component:
    """The source told what --input says, where it takes that."""
    said = {name: _plain(value) for name, value in vars(picture).items() if name in PICTURE}
    if "image" in takes and not set(said) & set(takes):
        return replace(component, args={"image": said, **component.args})
    of_mode = () if "mode" in takes else ("mean", "std")  # which are the model's; a source of one mode has its own
    said = {name: value for name, value in said.items() if name in takes and name not in of_mode}
    if twice := [name for name in said if name in component.args]:
        raise UserError(f"{OPTION}: {twice[0]} is what --input and the options beside it say; leave it out")
    return replace(component, args=component.args | said)


def _plain(value: Any) -> Any:
    """As a recipe has it."""
    return list(value) or None if isinstance(value, tuple) else value


def _check_input(source: Source, asked: GivenInput) -> None:
    found, wanted = source.input, asked.of
    if isinstance(found, ImageInput) and isinstance(wanted, ImageInput):
        same = replace(found, mean=wanted.mean, std=wanted.std) == wanted  # which are the model's
    else:
        same = not isinstance(found, ImageInput) and not isinstance(wanted, ImageInput) and found.shape == wanted.shape
        same = same and (not isinstance(found, TensorInput) or found == wanted)
    if not same:
        raise UserError(f"{OPTION}: gives {in_words(found)}; --input {asked.text} is {in_words(wanted)}")


def _narrowed(samples: Dataset) -> Dataset:
    """A table's rows as the network takes them."""
    assert isinstance(samples, TensorDataset)
    rows, *targets = samples.tensors
    return TensorDataset(rows.to(torch.float32), *targets)
