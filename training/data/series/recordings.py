"""Series as files have them, whatever the file's format."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from torchferry.errors import UserError


@dataclass(frozen=True)
class Recording:
    """One series with what is to be said of it."""

    values: np.ndarray
    """float32 [steps, channels]"""
    target: str
    """A class, or a number, as the file has it."""
    where: str
    """In its file, for messages."""
    group: str | None = None
    """Of series that belong together, such as parts of one; None where it is by itself."""


@dataclass(frozen=True)
class Recordings:
    path: str
    series: tuple[Recording, ...]
    flat: bool
    """Whether a step is a number, and not several."""

    @property
    def channels(self) -> int:
        return self.series[0].values.shape[1]


def recordings(path: str, series: Sequence[Recording], flat: bool) -> Recordings:
    """Raises UserError for no series, one without steps, one of other channels, and numbers that are not finite."""
    if not series:
        raise UserError(f"{path}: has no series")
    for each in series:
        steps, channels = each.values.shape
        if not steps:
            raise UserError(f"{path}: {each.where} has no steps")
        if channels != series[0].values.shape[1]:
            first = series[0].values.shape[1]
            raise UserError(f"{path}: {each.where} has {channels} channels; {series[0].where} has {first}")
        if len(wrong := np.flatnonzero(~np.isfinite(each.values).all(axis=1))):
            found = f"{each.where} has a value at step {wrong[0]} that is missing or not finite"
            raise UserError(f"{path}: {found}; fill it, or leave the series out")
    return Recordings(path, tuple(series), flat)


def without_end(values: np.ndarray) -> np.ndarray:
    """[steps, channels] without steps of NaN alone at its end, which files of equal rows have behind shorter series."""
    own = np.flatnonzero(~np.isnan(values).all(axis=1))
    return values[: own[-1] + 1] if len(own) else values[:0]


def said_label(text: str) -> str:
    """A class as people write it: 1 for 1.0 and 1.0000000e+00."""
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else text
