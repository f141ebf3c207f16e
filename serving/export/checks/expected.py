"""The checkpoint's answers on the whole evaluation set, and a variant's measured against them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from torchferry.contract.tasks.task import Arrays
from torchferry.errors import UserError
from torchferry.serving.bundle.answers import aligned, answers_of
from torchferry.serving.bundle.variant import Measured
from torchferry.serving.export.batch_file import BatchFile
from torchferry.serving.export.checks.changed import Changed
from torchferry.serving.export.checks.float_differences import FloatDifferences, from_mean
from torchferry.serving.export.checks.parts import Parts, scaling
from torchferry.serving.export.checks.score import Judged, Mean, compared
from torchferry.serving.export.progress import SILENT, Progress
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.variants.torch_program import place, reason
from torchferry.serving.session import Session


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
                    self.scales[name] = max(self.scales.get(name, 0.0), self._largest(name, values))
            not_numbers += _with_nan(outputs)
            self.samples += (size := _size(inputs))
            progress.has_read(size)
        self._check_numbers(not_numbers)
        self.judged = judged.score()
        """What the outputs are worth; None without targets."""
        self.scale = max(self.scales.values(), default=0.0)
        """The largest magnitude of all outputs of floating-point numbers; 0 where there is none."""

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
        numbers = FloatDifferences({name: self.scaling[name] for name in self.scales})
        changed = Changed(self.reference)
        self.progress.reads(self.samples)
        for inputs, targets, expected in self._batches():
            answered = session.run(inputs)
            known, by_checkpoint = (answers_of(self.reference, outputs) for outputs in (answered, expected))
            judged.add(known, targets)
            agreements.add(self.task.agreement(known, by_checkpoint))
            parts.add(known, by_checkpoint)
            answered = aligned(self.reference, answered, expected)
            changed.add(inputs, answered, expected)
            numbers.add(answered, expected)
            self.progress.has_read(_size(inputs))
        errors, score = numbers.relative_errors(), judged.score()
        return Measured(
            samples=self.samples,
            max_abs_diff=float(np.max(list(numbers.largest.values()), initial=0.0)),
            max_scaled_diff=numbers.scaled(self.scales),
            mean_abs_diff=numbers.mean,
            relative_error=float(np.max([*errors.values()], initial=0.0)),  # keeps NaN
            agreement=agreements.value,
            **compared(self.task, self.judged, score),
            differences=dict(numbers.largest),
            changed_shares=changed.shares(),
            parts=parts.measured(self.judged, score, self._by_task(errors)),
        )

    def _batches(self) -> Iterator[tuple[Arrays, Any, Arrays]]:
        """Inputs, targets and the checkpoint's outputs, which are computed again where they were not kept."""
        kept, names = iter(self.kept or ()), [spec.name for spec in self.reference.outputs]
        for inputs, targets in self.reference.test.batches():
            outputs = next(kept, None)
            yield inputs, targets, dict(zip(names, outputs, strict=True)) if outputs else _run(self.reference, inputs)

    def _by_task(self, errors: Mapping[str, float]) -> dict[str, float]:
        """By the task's names; of outputs of floating-point numbers."""
        names = answers_of(self.reference, {spec.name: spec.name for spec in self.reference.outputs})
        return {own: errors[name] for own, name in names.items() if name in errors}

    def _largest(self, output: str, values: np.ndarray) -> float:
        return float(np.abs(from_mean(values, self.scaling[output])[np.isfinite(values)]).max(initial=0.0))

    def _check_numbers(self, samples_without: int) -> None:
        if samples_without:
            made_up = self.reference.test.random
            way_on = "they are made up; give real ones with --eval-data" if made_up else "mend the model or the data"
            raise UserError(f"{self.reference.name}: answers NaN for {samples_without} of {self.samples} samples that "
                            f"it is judged on, so that no variant can be compared; {way_on}")  # fmt: skip


def _run(reference: Reference, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    try:
        return reference.run(inputs)
    except Exception as error:  # such as an index beyond a table of the network's
        raise UserError(
            f"{reference.name}: does not take its evaluation data{place(error)}: {reason(error)}"
        ) from error


def _with_nan(outputs: Mapping[str, np.ndarray]) -> int:
    """Samples of the batch that have a NaN in any output."""
    found = [np.isnan(values).any(axis=tuple(range(1, values.ndim))) for values in outputs.values()]
    return int(np.any(found, axis=0).sum())


def _size(inputs: Mapping[str, np.ndarray]) -> int:
    return len(next(iter(inputs.values())))
