"""The values of --pad, which stand behind shorter samples, by input; and axes of one name that do not agree."""

import math
from collections.abc import Sequence

import numpy as np

from torchferry.contract.axes import NAN
from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.serving.codec.tensors import BFLOAT16, STRINGS, dtype_of
from torchferry.serving.export.external.input_spec import GivenInput

Pad = float | str
TRUTH = {"true": 1, "false": 0}


def read_pads(texts: Sequence[str], inputs: Sequence[GivenInput]) -> dict[str, Pad]:
    """By input's name, as model.json has it. Raises UserError for an input that is not there or has no axis that
    varies, and for a value that it cannot have."""
    found: dict[str, Pad] = {}
    names = [each.name for each in inputs]
    for text in texts:
        name, _, value = text.rpartition("=")
        if not name or not value:
            raise UserError(f"--pad: '{text}' is not understood; NAME=VALUE is expected, such as {names[0]}=0")
        if name not in names:
            takes = f"it takes {some(names)}"
            raise UserError(f"--pad: the model has no input '{name}'{did_you_mean(name, names, takes)}")
        if name in found:
            raise UserError(f"--pad: '{name}' is given twice")
        given = inputs[names.index(name)]
        if not given.bounds:
            raise UserError(f"--pad: '{name}' has no axis that varies, so nothing stands behind its samples")
        found[name] = _value(value, given)
    return found


def said_of_pads(inputs: Sequence[GivenInput]) -> str | None:
    """What follows from what --pad does not say."""
    varying = [each for each in inputs if each.bounds]
    lacking = [each.name for each in varying if each.pad is None]
    if not lacking:
        return None
    words = "only samples of equal sizes are computed together"
    return (
        f"--pad: says nothing of {some(lacking)}, so {words}" if len(lacking) < len(varying) else f"no --pad: {words}"
    )


def check_axes_agree(inputs: Sequence[GivenInput]) -> None:
    """Raises UserError for axes of one name that have other bounds."""
    first: dict[str, tuple[GivenInput, tuple[int, int | None, int]]] = {}
    for each in inputs:
        for axis in each.axes:
            other, bounds = first.setdefault(axis.name, (each, (axis.least, axis.most, axis.step)))
            if bounds != (axis.least, axis.most, axis.step):
                raise UserError(f"--input: '{each.text}' and '{other.text}' have an axis '{axis.name}' of other "
                                "bounds; axes of one name have one size")  # fmt: skip


def _value(text: str, given: GivenInput) -> Pad:
    """Raises UserError."""
    datatype = given.datatype
    if datatype == STRINGS:
        raise UserError(f"--pad: '{given.name}' takes strings, behind which nothing can stand")
    is_float = datatype == BFLOAT16 or dtype_of(datatype).kind == "f"
    kind = "number or NaN" if is_float else "truth value, 0 or 1," if datatype == "BOOL" else "whole number"
    try:
        number = float(text) if is_float else TRUTH[text] if text in TRUTH else int(text)
    except ValueError as error:
        raise UserError(f"--pad: '{text}' is no {kind} that '{given.name}' can have") from error
    if math.isnan(number):
        return NAN
    if is_float:
        with np.errstate(over="ignore"):
            fits = bool(np.isfinite(dtype_of(datatype).type(number)))
    else:
        low, high = (0, 1) if datatype == "BOOL" else _bounds_of(datatype)
        fits = low <= number <= high
    if not fits:
        raise UserError(f"--pad: {text} is no {kind} that {datatype} of '{given.name}' can have")
    return number


def _bounds_of(datatype: str) -> tuple[int, int]:
    limits = np.iinfo(dtype_of(datatype))
    return int(limits.min), int(limits.max)
