"""The choice of the variant that serves where none is named, with its reason, as model.json has it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Gain:
    """How much quicker a variant answers one sample than another does, measured alternately."""

    ratio: float
    """Median of the other's time over this one's in the same round: 2 is twice as fast."""
    low: float
    """Of the median's interval at 95 %."""
    high: float
    saved_ms: float
    """Median of what a call takes less."""
    rounds: int

    def __str__(self) -> str:
        return f"{self.ratio:.2f} [{self.low:.2f}, {self.high:.2f}] times as fast"


@dataclass(frozen=True, kw_only=True)
class Choice:
    variant: str
    reason: str
    over: str | None = None
    """What the others were measured against; None if nothing was."""
    gains: dict[str, Gain] = field(default_factory=dict)
    """Of each other variant that could have been chosen, over that one."""


def parse_choice(content: dict[str, Any]) -> Choice:
    """Raises TypeError and KeyError for what is no such choice."""
    return Choice(**content | {"gains": {name: Gain(**gain) for name, gain in content["gains"].items()}})
