"""The inputs of an .onnx file as a server takes them: as the graph says them, and as --input says otherwise."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.serving.export.external.given_sizes import AXIS_NAME
from torchferry.serving.export.external.input_spec import GivenInput, of_datatype
from torchferry.serving.export.external.tensor_names import legal_names
from torchferry.serving.export.onnx_graphs.onnx_file import Value
from torchferry.training.data.source import ImageInput

PIXELS = 255.0
MOST = 2**31
"""Bytes of a sample."""


def by_value(values: Sequence[Value], asked: Sequence[GivenInput], path: Path) -> dict[str, GivenInput]:
    """What --input says, by the graph's own names. Raises UserError for names that it does not have."""
    names = [value.name for value in values]
    called = dict(zip(legal_names(names)[0], names, strict=True))
    found: dict[str, GivenInput] = {}
    for each in asked:
        if not each.named and len(values) > 1:
            takes = f"{path.name} takes {some(names)}"
            raise UserError(f"--input: '{each.text}' has no name, and {takes}; say {next(iter(called))}={each.text}")
        name = called.get(each.name, each.name) if each.named else names[0]
        if name not in names:
            raise UserError(
                f"--input: {path.name} has no input '{name}'{did_you_mean(name, names, f'it takes {some(names)}')}"
            )
        if name in found:
            raise UserError(f"--input: '{name}' is given twice")
        found[name] = each
    return found


def sized(value: Value, given: GivenInput | None, path: Path) -> Value:
    """With every size that is said, the first one aside where it is the batch. Raises UserError for sizes that the
    graph does not have, and where one that varies is not said, and for more than a sample can have."""
    sizes = _fitted(value, given, path) if given is not None else value.sizes
    known = [size for size in sizes or () if isinstance(size, int)]
    if math.prod(known) * value.dtype.itemsize >= MOST:
        shown = ", ".join(str(size or "any") if isinstance(size, str) else str(size) for size in sizes or ())
        raise UserError(f"{path}: its input '{value.name}' is [{shown}], 2 GB or more, which no server takes")
    if given is not None:
        return dataclasses.replace(value, sizes=sizes)
    if sizes is None:
        raise UserError(f"{path}: does not say how many axes its input '{value.name}' has; say it with --input "
                        f"{value.name}=tensor:{value.datatype}:3x16 (without the batch)")  # fmt: skip
    if varying := [number for number, size in enumerate(sizes) if number and not isinstance(size, int)]:
        shown = "x".join(str(size) if isinstance(size, int) else str(size or "?") for size in sizes[1:])
        raise UserError(f"{path}: axis {varying[0]} of its input '{value.name}' varies ({shown}), and nothing says its "
                        f"bounds; say them with --input {value.name}=tensor:{value.datatype}:{_bounds_of(sizes[1:])}, "
                        "or one size")  # fmt: skip
    return value


def _bounds_of(sizes: Sequence[int | str]) -> str:
    """As --input says them, for the user to fill in."""
    named = (f"{size}=" if isinstance(size, str) and AXIS_NAME.fullmatch(size) else "" for size in sizes)
    pairs = zip(sizes, named, strict=True)
    return "x".join(str(size) if isinstance(size, int) else f"[{name}1..MOST]" for size, name in pairs)


def _fitted(value: Value, given: GivenInput, path: Path) -> tuple[int | str, ...]:
    """The graph's sizes with those of --input in them, which are of one sample or of all axes."""
    shapes = [given.of.shape]
    if isinstance(given.of, ImageInput):
        shapes.append((*given.of.shape[1:], given.of.shape[0]))  # TensorFlow's order
    elif given.datatype != value.datatype:
        raise UserError(
            f"--input: '{given.text}' is {given.datatype}, and '{value.name}' in {path.name} is {value.datatype}"
        )
    for shape in shapes:
        wholes = [(*(value.sizes or ("",))[:1], *shape)] if value.sizes != () else []
        for whole in (*wholes, shape):
            if value.sizes is None or _fits(whole, value.sizes):
                names = iter(given.axes)
                return tuple(next(names).name if size == -1 else size for size in whole)
    shown = [str(size) if isinstance(size, int) else size or "any" for size in value.sizes or ()]
    raise UserError(
        f"--input: '{given.text}' does not fit '{value.name}' in {path.name}, which is [{', '.join(shown)}]"
    )


def _fits(shape: Sequence[int | str], sizes: Sequence[int | str]) -> bool:
    return len(shape) == len(sizes) and all(
        not isinstance(size, int) or size == own for own, size in zip(shape, sizes, strict=True)
    )


def given_inputs(
    values: Sequence[Value], samples: Sequence[Sequence[int | str]], asked: Mapping[str, GivenInput]
) -> tuple[list[GivenInput], list[str]]:
    """Of each value, whose sample has such sizes, what a server takes, under a name that all protocols take; and a line
    for each name that had to be changed."""
    names, said = legal_names([value.name for value in values])
    inputs = []
    for name, value, sizes in zip(names, values, samples, strict=True):
        if (own := asked.get(value.name)) and isinstance(own.of, ImageInput):
            inputs.append(dataclasses.replace(own, name=name, of=_pixels(own.of, value)))
        elif own and own.bounds:
            inputs.append(dataclasses.replace(own, name=name))
        else:
            shape = tuple(int(size) for size in sizes)
            inputs.append(GivenInput(name, of_datatype(value.datatype, shape), True))
    return inputs, [line.replace("output", "input", 1) for line in said]


def channels_last(inputs: Sequence[GivenInput], samples: Sequence[Sequence[int | str]]) -> list[int]:
    """The numbers of those that are pictures, of which the graph takes the channels behind height and width."""
    return [
        number
        for number, (given, sizes) in enumerate(zip(inputs, samples, strict=True))
        if isinstance(given.of, ImageInput) and tuple(sizes) != given.of.shape
    ]


def _pixels(image: ImageInput, value: Value) -> ImageInput:
    """A graph of whole numbers takes pixels as they are. Raises UserError for numbers that cannot be pixels."""
    if value.dtype.kind == "f":
        return image
    if value.dtype.kind == "b" or value.dtype == np.int8:
        why = f"is {value.datatype}, which does not hold pixels of 0 to 255; say it as a tensor"
        raise UserError(f"--input: '{value.name}' {why}")
    print(f"--input: '{value.name}' takes pixels as they are, {value.datatype} of 0 to 255", flush=True)
    channels = image.shape[0]
    return dataclasses.replace(image, mean=(0.0,) * channels, std=(1 / PIXELS,) * channels)
