"""One form of a model, as model.json has it: what it is, how it was measured, and whether it may be served."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A variant against the checkpoint in eager float32, on the whole evaluation set."""

    samples: int
    max_abs_diff: float | None
    """Largest difference of any output. model.json has no NaN: this and the next two are None for it."""
    max_scaled_diff: float | None = None
    """Of several outputs the largest difference of any, as a share of its own largest value where that is above 1."""
    mean_abs_diff: float | None
    relative_error: float | None
    """Euclidean norm of all differences over that of the checkpoint's outputs; of several outputs the largest."""
    top1_agreement: float | None
    """Share of samples whose most probable class is the checkpoint's, 0..1; None for what has no classes."""
    accuracy: float | None
    """None without true classes."""
    accuracy_drop: float | None
    """The checkpoint's accuracy minus this one's."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Of the bare session, on the machine that exported it."""

    load_seconds: float
    """Until its first answer."""
    batch_1_ms: float
    """Median of one call with one sample."""
    batch_8_ms: float
    threads: int


@dataclass(frozen=True, kw_only=True)
class Variant:
    status: Literal["accepted", "refused"]
    reason: str | None
    """Why it was refused."""
    note: str | None
    """What had to be done so that it was accepted, and what that cost."""
    file: str
    bytes: int
    measured: Measured
    speed: Speed
    limits: dict[str, float | None]
    golden_tolerance: float
    """How far a server's answer to the golden inputs may be from the golden outputs."""


def parse_variant(content: dict[str, Any]) -> Variant:
    """Raises TypeError and KeyError for what is no such variant."""
    return Variant(**content | {"measured": Measured(**content["measured"]), "speed": Speed(**content["speed"])})
