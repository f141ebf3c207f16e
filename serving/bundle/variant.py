"""One form of a model, as model.json has it: what it is, how it was measured, and whether it may be served."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True, kw_only=True)
class MeasuredPart:
    """One of the tasks that a task is made of, such as a head; what is said of `Measured` holds for it."""

    agreement: float | None
    relative_error: float | None
    metric: str | None
    score: float | None
    score_drop: float | None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A variant against the checkpoint in eager float32, on the whole evaluation set."""

    samples: int
    max_abs_diff: float | None
    """Largest difference of any output of floating-point numbers, 0 where there is none. model.json has no NaN: this
    and the next two are None for it."""
    max_scaled_diff: float | None = None
    """Of several outputs the largest difference of any, as a share of its own largest value where that is above 1."""
    mean_abs_diff: float | None
    relative_error: float | None
    """Euclidean norm of all differences over that of the checkpoint's outputs; of several outputs the largest."""
    agreement: float | None
    """How far the answers mean what the checkpoint's do, 0..1, as the task says: of classes the share of samples with
    the same one. None where only the numbers can be compared."""
    metric: str | None = None
    """The task's headline, in whose own points the next three are; None without targets."""
    score: float | None
    score_drop: float | None
    """The checkpoint's score minus this one's."""
    score_drop_interval: tuple[float, float] | None = None
    """In which that lies for 95 of 100 such sets of samples, by the bootstrap."""
    metrics: dict[str, float | None] = field(default_factory=dict)
    """All that the task reports."""
    differences: dict[str, float | None] = field(default_factory=dict)
    """Largest difference by output, of floating-point numbers."""
    changed_shares: dict[str, float] = field(default_factory=dict)
    """By output of whole numbers or truth values the share of elements, 0..1, that are neither the checkpoint's nor
    near ties: what the checkpoint itself answers otherwise once its weights are changed by a 1e-5th."""
    parts: dict[str, MeasuredPart] = field(default_factory=dict)
    """By name those of a task that is made of others."""


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
class OnProvider:
    """A variant as another execution provider of ONNX Runtime computes it, such as on a GPU."""

    reason: str | None
    """Why it was refused there, or None."""
    measured: Measured
    speed: Speed


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
    limits: dict[str, Any]
    """By name; `parts` has those of each part by its name."""
    golden_tolerance: dict[str, float] | float
    """By output, how far a server's answer to the golden inputs may be from the golden outputs; of whole numbers and
    truth values which share, 0..1, may be others. Bundles of before have one number: how far each element may be."""
    providers: dict[str, OnProvider] = field(default_factory=dict)
    """By what servers call them: those beside the CPU that it was measured on."""

    def tolerance(self, output: str, golden: np.ndarray) -> float:
        """What `difference` may be of the output whose golden values these are."""
        if isinstance(self.golden_tolerance, dict):
            return self.golden_tolerance[output]
        return self.golden_tolerance if golden.dtype.kind == "f" else 0.0

    def difference(self, answered: np.ndarray, golden: np.ndarray) -> float:
        """The largest, NaN where a number is missing, and infinity for another shape; of whole numbers, truth
        values and strings the share that is another. None where an infinity is expected, with which a network masks a
        score, and is answered, or is null in a server's JSON."""
        if answered.shape != golden.shape:
            return float("inf")
        if golden.dtype == object:  # strings
            return float((answered != golden).mean()) if golden.size else 0.0
        # As float64: unsigned numbers would wrap around, and truth values have no difference.
        numbers = answered.astype(np.float64)
        with np.errstate(invalid="ignore"):
            apart = np.abs(numbers - golden)
        apart = np.where((numbers == golden) | (np.isinf(golden) & np.isnan(numbers)), 0.0, apart)
        if golden.dtype.kind == "f":
            return float(apart.max(initial=0.0))
        most = 0.0 if isinstance(self.golden_tolerance, dict) else self.golden_tolerance
        return float((~(apart <= most)).mean()) if apart.size else 0.0


FORMER = {"top1_agreement": "agreement", "accuracy": "score", "accuracy_drop": "score_drop"}
"""Names of a time when every score was an accuracy."""


def parse_variant(content: dict[str, Any]) -> Variant:
    """Raises TypeError and KeyError for what is no such variant."""
    known = {"measured": _measured(content["measured"]), "speed": Speed(**content["speed"])}
    on = {name: _on_provider(each) for name, each in content.get("providers", {}).items()}
    return Variant(**content | known | {"providers": on})


def _on_provider(content: dict[str, Any]) -> OnProvider:
    return OnProvider(
        reason=content["reason"], measured=_measured(content["measured"]), speed=Speed(**content["speed"])
    )


def _measured(content: dict[str, Any]) -> Measured:
    said: dict[str, Any] = dict(content)
    measured = {FORMER.get(name, name): value for name, value in said.items()}
    if said.get("accuracy") is not None:
        measured["metric"] = "accuracy"
    if parts := measured.get("parts"):
        measured["parts"] = {name: MeasuredPart(**part) for name, part in parts.items()}
    if interval := measured.get("score_drop_interval"):
        measured["score_drop_interval"] = tuple(interval)
    return Measured(**measured)
