"""Where samples come from (one file per source) and who sees which sample when (order.py)."""

from collections.abc import Callable

from training.data.digits import digits
from training.data.source import Source

SOURCES: dict[str, Callable[..., Source]] = {"digits": digits}
