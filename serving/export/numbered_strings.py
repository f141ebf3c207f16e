"""Strings in an export, as numbers: torch has no strings, and what compares numbers compares these as well.

Each string has the number in which it was first seen here. Two are equal if their numbers are, which is all that the
gate asks of outputs that are no numbers. Servers and bundles know nothing of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.strings import strings
from torchferry.serving.codec.tensors import STRINGS

Arrays = Mapping[str, np.ndarray]

_NUMBERS: dict[bytes, int] = {}
_SEEN: list[bytes] = []


def numbered(values: np.ndarray) -> np.ndarray:
    """int64 for strings, which are objects or of fixed width; what is numbers stays as it is."""
    if values.dtype.kind not in "OSU":
        return values
    return np.array([_number(each) for each in strings(values).ravel()], np.int64).reshape(values.shape)


def unnumbered(numbers: np.ndarray) -> np.ndarray:
    """Bytes objects. A number that nothing has, as of a sample that is made up beside real ones, is a string of its
    digits."""
    found = [_SEEN[each] if 0 <= each < len(_SEEN) else str(each).encode() for each in numbers.ravel().tolist()]
    made = np.empty(len(found), object)
    made[:] = found
    return made.reshape(numbers.shape)


def all_numbered(arrays: Arrays) -> dict[str, np.ndarray]:
    return {name: numbered(values) for name, values in arrays.items()}


def as_served(arrays: Arrays, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray]:
    """As servers have them."""
    names = {spec.name for spec in specs if spec.datatype == STRINGS}
    return {
        name: unnumbered(values) if name in names and values.dtype != object else values
        for name, values in arrays.items()
    }


class NumberedSession:
    """A session that takes and gives numbers for strings; whatever is asked of it beside `run` is its own."""

    def __init__(self, session: Any, inputs: Sequence[TensorSpec]) -> None:
        self.session, self.inputs = session, inputs

    def run(self, inputs: Arrays, *given: Any) -> dict[str, np.ndarray]:
        return all_numbered(self.session.run(as_served(inputs, self.inputs), *given))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)


def numbering(session: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> Any:
    """The session itself where there are no strings."""
    has_strings = any(spec.datatype == STRINGS for spec in (*inputs, *outputs))
    return NumberedSession(session, inputs) if has_strings else session


def _number(string: bytes) -> int:
    if string not in _NUMBERS:
        _NUMBERS[string] = len(_SEEN)
        _SEEN.append(string)
    return _NUMBERS[string]
