"""The gate: whether a variant may be served, by its outputs on the whole evaluation set against the checkpoint's."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from torchferry.contract.tasks.metric_text import metric_text
from torchferry.contract.tasks.task import Arrays, Task
from torchferry.errors import UserError
from torchferry.serving.bundle.answers import aligned, answers_of
from torchferry.serving.bundle.variant import Measured, MeasuredPart
from torchferry.serving.export.batch_file import BatchFile
from torchferry.serving.export.checks.changed import Changed
from torchferry.serving.export.checks.parts import Parts, scaling
from torchferry.serving.export.checks.score import Judged, Mean, compared
from torchferry.serving.export.progress import SILENT, Progress
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.variants.torch_program import place, reason
from torchferry.serving.session import Session
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


class Expected:
    """The checkpoint's own outputs on the evaluation set, and what they are worth."""

    def __init__(self, reference: Reference, scratch: Path | None = None, progress: Progress = SILENT) -> None:
        """Outputs are kept in the folder `scratch`, or else computed again each time.

        Raises UserError where the checkpoint does not take its data.
        """
        self.reference, self.progress, self.task = reference, progress, reference.task
        self.scaling = {spec.name: scaling(reference.task, spec.name) for spec in reference.outputs}
        """By output mean and standard deviation that it was scaled back by."""
        self.kept = BatchFile(scratch / "outputs") if scratch else None
        judged = Judged(reference.task)
        self.counts = np.zeros(len(reference.task.counted))
        """How much of each label that the task counts is in the targets."""
        self.scales: dict[str, float] = {}
        """The largest magnitude by output of floating-point numbers; of one that was scaled back, from its mean on."""
        self.samples = not_numbers = 0
        progress.reads(reference.test.count)
        for number, (inputs, targets) in enumerate(reference.test.batches()):
            outputs = _run(reference, inputs)
            if self.kept:
                self.kept.add(number, list(outputs.values()))
            judged.add(answers_of(reference, outputs), targets)
            if targets is not None:
                self.counts += reference.task.counts_of(targets)
            for name, values in outputs.items():
                if values.dtype.kind == "f":
                    self.scales[name] = self._largest(name, values, self.scales.get(name, 0.0))
            not_numbers += _with_nan(outputs)
            self.samples += (size := _size(inputs))
            progress.has_read(size)
        self._check_numbers(not_numbers)
        self.judged = judged.score()
        """What the outputs are worth; None without targets."""
        self.scale = max(self.scales.values(), default=0.0)
        """The largest magnitude of all outputs of floating-point numbers; 0 where there is none."""

    def _check_numbers(self, samples_without: int) -> None:
        if samples_without:
            made_up = self.reference.test.random
            way_on = "they are made up; give real ones with --eval-data" if made_up else "mend the model or the data"
            raise UserError(f"{self.reference.name}: answers NaN for {samples_without} of {self.samples} samples that "
                            f"it is judged on, so that no variant can be compared; {way_on}")  # fmt: skip

    @property
    def metrics(self) -> dict[str, float]:
        """Of the checkpoint; none without targets."""
        return {} if self.judged is None else self.judged.metrics

    @property
    def score(self) -> float | None:
        return self.metrics.get(self.task.headline)

    def measure(self, session: Session) -> Measured:
        """Run the whole evaluation set through `session`."""
        judged, agreements, parts = Judged(self.task), Mean(), Parts(self.task)
        largest, total, count = dict.fromkeys(self.scales, 0.0), 0.0, 0
        squares, changed = {name: np.zeros(2) for name in self.scales}, Changed(self.reference)
        self.progress.reads(self.samples)
        for inputs, targets, expected in self._batches():
            answered = session.run(inputs)
            known, by_checkpoint = (answers_of(self.reference, outputs) for outputs in (answered, expected))
            judged.add(known, targets)
            agreements.add(self.task.agreement(known, by_checkpoint))
            parts.add(known, by_checkpoint)
            answered = aligned(self.reference, answered, expected)
            changed.add(inputs, answered, expected)
            for name in self.scales:
                values = expected[name]
                difference = _difference(answered[name], values)
                largest[name] = float(np.maximum(largest[name], difference.max()))  # keeps NaN, which max() may drop
                total, count = total + float(difference.sum()), count + difference.size
                before = np.where(np.isfinite(values), self._from_mean(name, values), 0.0)
                _, std = self.scaling[name]
                squares[name] += np.square(difference / std).sum(), np.square(before / std).sum()
            self.progress.has_read(_size(inputs))
        # 1e-30 for outputs that are all zero.
        errors = {name: float(np.sqrt(wrong / max(norm, 1e-30))) for name, (wrong, norm) in squares.items()}
        score = judged.score()
        return Measured(
            samples=self.samples,
            max_abs_diff=float(np.max(list(largest.values()), initial=0.0)),
            max_scaled_diff=self._scaled(largest),
            mean_abs_diff=total / max(count, 1),
            relative_error=float(np.max([*errors.values()], initial=0.0)),  # keeps NaN
            agreement=agreements.value,
            **compared(self.task, self.judged, score),
            differences=dict(largest),
            changed_shares=changed.shares(),
            parts=parts.measured(self.judged, score, self._by_task(errors)),
        )

    def _by_task(self, errors: Mapping[str, float]) -> dict[str, float]:
        """By the task's names; of outputs of floating-point numbers."""
        names = answers_of(self.reference, {spec.name: spec.name for spec in self.reference.outputs})
        return {own: errors[name] for own, name in names.items() if name in errors}

    def _scaled(self, largest: Mapping[str, float]) -> float | None:
        """Of several outputs, so that none is judged by another's values."""
        if len(largest) < 2:
            return None
        return float(np.max([apart / max(1.0, self.scales[name]) for name, apart in largest.items()]))

    def _batches(self) -> Iterator[tuple[Arrays, Any, Arrays]]:
        """Inputs, targets and the checkpoint's outputs, which are computed again where they were not kept."""
        kept, names = iter(self.kept or ()), [spec.name for spec in self.reference.outputs]
        for inputs, targets in self.reference.test.batches():
            outputs = next(kept, None)
            yield inputs, targets, dict(zip(names, outputs, strict=True)) if outputs else _run(self.reference, inputs)

    def _from_mean(self, output: str, values: np.ndarray) -> np.ndarray:
        """A target of 1.7e9 + i differs from the others in its last digits alone, and they are what was learnt."""
        mean, _ = self.scaling[output]
        return values.astype(np.float64) - mean

    def _largest(self, output: str, values: np.ndarray, before: float) -> float:
        finite = np.isfinite(values)
        return max(before, float(np.abs(self._from_mean(output, values)[finite]).max(initial=0.0)))


def _run(reference: Reference, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    try:
        return reference.run(inputs)
    except Exception as error:  # such as an index beyond a table of the network's
        raise UserError(
            f"{reference.name}: does not take its evaluation data{place(error)}: {reason(error)}"
        ) from error


def _difference(answered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Of each element; none where both are the same infinity, with which a network masks a score."""
    with np.errstate(invalid="ignore"):
        return np.where(answered == values, 0.0, np.abs(answered.astype(np.float64) - values))


def _with_nan(outputs: Mapping[str, np.ndarray]) -> int:
    """Samples of the batch that have a NaN in any output."""
    found = [np.isnan(values).reshape(len(values), -1).any(axis=1) for values in outputs.values()]
    return int(np.any(found, axis=0).sum())


def _size(inputs: Mapping[str, np.ndarray]) -> int:
    return len(next(iter(inputs.values())))


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
                f"{share:.2%} of '{name}' are other whole numbers, allowed are {most:.2%} beside near ties, which the "
                "checkpoint answers otherwise itself once its weights are changed by a 1e-5th"
            )
