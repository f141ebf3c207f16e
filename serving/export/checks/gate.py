"""The gate: whether a variant may be served, by what was measured of it against the checkpoint."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from torchferry.contract.tasks.metric_text import metric_text
from torchferry.contract.tasks.task import Task
from torchferry.serving.bundle.variant import Measured, MeasuredPart
from torchferry.serving.session.runtimes import EXACT, Rounding


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a variant must keep to be accepted. None is no limit."""

    max_abs_diff: float | None = None
    """Largest difference of any output of floating-point numbers."""
    max_scaled_diff: float | None = None
    """Of several outputs the largest difference of any, as a share of its own largest value where that is above 1. It
    goes with the variant's own max_abs_diff, which is of the largest output; one that is given is for all alike."""
    max_relative_error: float | None = None
    """Euclidean norm of all differences over that of the checkpoint's outputs, both before outputs are scaled back."""
    max_drop: float | None = None
    """The checkpoint's score minus the variant's, in points of the task's headline."""
    min_agreement: float | None = None
    """How far answers must mean what the checkpoint's do, 0..1, as the task says."""
    max_changed_share: float | None = None
    """Of any output of whole numbers or truth values the share of elements that are neither the checkpoint's nor near
    ties. One wrong id of few is over it, a few pixels of a map of classes are not."""
    parts: Mapping[str, "Limits"] = dataclasses.field(default_factory=dict)
    """By name, of a task that is made of others, what each of them must keep."""


def limits_for(rounding: Rounding, task: Task, given: Mapping[str, float], scale: float = 1.0) -> Limits:
    """Those that are `given`, and else what suits the variant's rounding: it alone separates a float32 one from the
    checkpoint, the others are judged by what they are for. `scale` is how large the checkpoint's outputs are."""
    limits = _default_limits(rounding, task, scale)
    if "max_abs_diff" in given:
        limits = dataclasses.replace(limits, max_scaled_diff=None)
    parts = {name: _given(part, given) for name, part in limits.parts.items()}
    return dataclasses.replace(limits, **given, parts=parts)


def _given(part: Limits, given: Mapping[str, float]) -> Limits:
    """What is given holds for each part that is judged by it."""
    held: dict[str, Any] = {name: given[name] for name in given if getattr(part, name) is not None}
    return dataclasses.replace(part, **held)


def _default_limits(rounding: Rounding, task: Task, scale: float) -> Limits:
    parts = {name: _of_task(part, rounding) for name, part in task.parts.items()}
    if rounding == EXACT:
        limits: dict[str, Any] = dict(task.limits(rounding))
        return Limits(
            max_abs_diff=1e-3 * max(1.0, scale),  # what float32 rounds grows with the values
            max_scaled_diff=1e-3,
            max_relative_error=1e-3,
            max_changed_share=1e-3,
            parts=parts,
            **limits,
        )
    return dataclasses.replace(_of_task(task, rounding), parts=parts)


def _of_task(task: Task, rounding: Rounding) -> Limits:
    limits: dict[str, Any] = dict(task.limits(rounding))
    return Limits(**limits)


def refusal(measured: Measured, limits: Limits) -> str | None:
    """Why the variant is refused, or None. A NaN is over every limit."""
    if measured.max_abs_diff is None or not np.isfinite(measured.max_abs_diff):
        return "its outputs are not all finite"
    broken = [
        *_over("outputs differ by", measured.max_abs_diff, limits.max_abs_diff),
        *_over("of its largest value an output differs by", measured.max_scaled_diff, limits.max_scaled_diff),
        *_meant(measured, limits),
        *_changed(measured, limits),
    ]
    for name, part in limits.parts.items():
        broken += [f"{name}: {what}" for what in _meant(measured.parts[name], part)]
    return "; ".join(broken) or None


def _meant(measured: Measured | MeasuredPart, limits: Limits) -> Iterator[str]:
    """By what the answers mean, of the whole and of a part."""
    yield from _over("the outputs' relative error is", measured.relative_error, limits.max_relative_error)
    yield from _dropped(measured, limits)
    agreement, least = measured.agreement, limits.min_agreement
    if agreement is not None and least is not None and not agreement >= least:
        yield f"agreement with the checkpoint is {agreement:.2%}, at least {least:.2%} is needed"


def _over(what: str, value: float | None, most: float | None) -> Iterator[str]:
    if value is not None and most is not None and not value <= most:
        yield f"{what} {value:.2g}, allowed are {most:.2g}"


def _dropped(measured: Measured | MeasuredPart, limits: Limits) -> Iterator[str]:
    metric, drop, most = measured.metric, measured.score_drop, limits.max_drop
    if metric is not None and drop is not None and most is not None and not drop <= most:
        yield f"{metric} drops by {metric_text(metric, drop)}, allowed are {metric_text(metric, most)}"


def _changed(measured: Measured, limits: Limits) -> Iterator[str]:
    most = limits.max_changed_share
    for name, share in measured.changed_shares.items():
        if most is not None and not share <= most:
            yield (
                f"{share:.2%} of '{name}' are other values, allowed are {most:.2%} beside near ties, which the "
                "checkpoint answers otherwise itself once its weights are changed by a 1e-5th"
            )
