"""A loop over nothing holds whatever is asserted in it."""

from collections.abc import Iterable
from typing import TypeVar

Each = TypeVar("Each")


def some(found: Iterable[Each]) -> list[Each]:
    """All of them; fails where there is none."""
    each = list(found)
    assert each, "there is nothing to loop over"
    return each
