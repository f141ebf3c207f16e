"""The gate: whether a variant may be served, by its outputs on the whole evaluation set against the checkpoint's."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from torchferry.errors import UserError
from torchferry.serving.bundle.variant import Measured
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.torch_program import place, reason
from torchferry.serving.session import Session

EXACT = ("torch", "torch-compile", "torch-aoti", "onnx-fp32")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a variant must keep to be accepted. None is no limit."""

    max_abs_diff: float | None = None
    """Largest difference of any output."""
    max_relative_error: float | None = None
    """Euclidean norm of all differences over that of the checkpoint's outputs, both before outputs are scaled back."""
    max_accuracy_drop: float | None = None
    """The checkpoint's accuracy minus the variant's."""
    min_top1_agreement: float | None = None
    """Share of samples with the checkpoint's most probable class."""


def limits_for(variant: str, task: str, given: Mapping[str, float], scale: float = 1.0) -> Limits:
    """Those that are `given`, and else what suits the kind of variant: rounding alone separates a float32 one from the
    checkpoint, the others are judged by what they are for. `scale` is how large the checkpoint's outputs are."""
    return dataclasses.replace(_default_limits(variant, task, scale), **given)


def _default_limits(variant: str, task: str, scale: float) -> Limits:
    if variant in EXACT:
        return Limits(
            max_abs_diff=1e-3 * max(1.0, scale),  # what float32 rounds grows with the values
            max_relative_error=1e-3,
            max_accuracy_drop=0.005,
            min_top1_agreement=0.99,
        )
    half = variant == "onnx-fp16"
    if task in ("classification", "binary"):
        return Limits(max_accuracy_drop=0.005, min_top1_agreement=0.99 if half else 0.97)
    return Limits(max_relative_error=0.01 if half else 0.05)


class Expected:
    """The checkpoint's own outputs on the evaluation set, and what they are worth."""

    def __init__(self, reference: Reference) -> None:
        """Raises UserError where the checkpoint does not take its data."""
        self.reference = reference
        scale = reference.output_scale
        self.mean = np.array(scale.mean if scale else 0.0)
        self.std = np.array(scale.std if scale else 1.0)
        self.outputs: list[dict[str, np.ndarray]] = []
        truth: list[np.ndarray] = []
        for inputs, targets in reference.test.batches():
            self.outputs.append(_run(reference, inputs))
            if targets is not None and reference.task in ("classification", "binary"):
                truth.append(targets.reshape(-1).astype(np.int64))
        self.truth = np.concatenate(truth) if truth else None
        self.classes = self._classes(self.outputs)
        self.scale = min(self._largest(spec.name) for spec in reference.outputs)
        """The largest magnitude of the output whose largest is the smallest, so that none is judged by another's; of
        outputs that were scaled back, from their mean on."""
        self.samples = sum(len(next(iter(batch.values()))) for batch in self.outputs)

    @property
    def accuracy(self) -> float | None:
        return _share(self.classes, self.truth)

    def measure(self, session: Session) -> Measured:
        """Run the whole evaluation set through `session`."""
        answers = [session.run(inputs) for inputs, _ in self.reference.test.batches()]
        classes = self._classes(answers)
        accuracy = _share(classes, self.truth)
        largest, total, count = 0.0, 0.0, 0
        squares = {spec.name: np.zeros(2) for spec in self.reference.outputs}
        for answered, expected in zip(answers, self.outputs, strict=True):
            for name, values in expected.items():
                difference = np.abs(answered[name].astype(np.float64) - values)
                largest = float(np.maximum(largest, difference.max()))  # keeps NaN, which max() of Python may drop
                total, count = total + float(difference.sum()), count + difference.size
                before = self._from_mean(values)
                squares[name] += np.square(difference / self.std).sum(), np.square(before / self.std).sum()
        return Measured(
            samples=self.samples,
            max_abs_diff=largest,
            mean_abs_diff=total / count,
            # 1e-30 for outputs that are all zero. np.max keeps NaN.
            relative_error=float(np.max([np.sqrt(wrong / max(norm, 1e-30)) for wrong, norm in squares.values()])),
            top1_agreement=_share(classes, self.classes),
            accuracy=accuracy,
            # Rounded, or the difference of two shares may be above a limit that it is equal to.
            accuracy_drop=None if accuracy is None or self.accuracy is None else round(self.accuracy - accuracy, 12),
        )

    def _from_mean(self, values: np.ndarray) -> np.ndarray:
        """A target of 1.7e9 + i differs from the others in its last digits alone, and they are what was learnt."""
        return values.astype(np.float64) - self.mean

    def _largest(self, name: str) -> float:
        """1 of integers, such as ids: none of them may be another."""
        batches = [batch[name] for batch in self.outputs]
        if batches[0].dtype.kind != "f":
            return 1.0
        found = max(float(np.abs(self._from_mean(values)).max()) for values in batches)
        return found if np.isfinite(found) else 1.0

    def _classes(self, outputs: list[dict[str, np.ndarray]]) -> np.ndarray | None:
        name = self.reference.outputs[0].name
        if self.reference.task == "classification":
            return np.concatenate([batch[name].argmax(axis=1) for batch in outputs])
        if self.reference.task == "binary":
            return np.concatenate([(batch[name][:, 0] > 0.5).astype(np.int64) for batch in outputs])
        return None


def _run(reference: Reference, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    try:
        return reference.run(inputs)
    except Exception as error:  # such as an index beyond a table of the network's
        raise UserError(
            f"{reference.name}: does not take its evaluation data{place(error)}: {reason(error)}"
        ) from error


def _share(classes: np.ndarray | None, others: np.ndarray | None) -> float | None:
    """Of samples with the same class in both, 0..1."""
    return None if classes is None or others is None else float((classes == others).mean())


def refusal(measured: Measured, limits: Limits) -> str | None:
    """Why the variant is refused, or None. A NaN is over every limit."""
    if measured.max_abs_diff is None or not np.isfinite(measured.max_abs_diff):
        return "its outputs are not all finite"
    broken = []
    for what, value, most, shown in (
        ("outputs differ by", measured.max_abs_diff, limits.max_abs_diff, "{:.2g}"),
        ("the outputs' relative error is", measured.relative_error, limits.max_relative_error, "{:.2g}"),
        ("accuracy drops by", measured.accuracy_drop, limits.max_accuracy_drop, "{:.2%}"),
    ):
        if value is not None and most is not None and not value <= most:
            broken.append(f"{what} {shown.format(value)}, allowed are {shown.format(most)}")
    agreement, least = measured.top1_agreement, limits.min_top1_agreement
    if agreement is not None and least is not None and not agreement >= least:
        broken.append(f"top-1 agreement is {agreement:.2%}, at least {least:.2%} is needed")
    return "; ".join(broken) or None
