"""Whether a variant may be served: its outputs on the whole evaluation set against the checkpoint's."""

from dataclasses import dataclass

import numpy as np

from serving.bundle import Measured
from serving.session import Session

BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a variant must keep to be accepted."""

    max_abs_diff: float = 1e-3
    """Largest difference of any output."""
    max_accuracy_drop: float = 0.005
    """The checkpoint's accuracy minus the variant's."""
    min_top1_agreement: float = 0.99
    """Share of samples with the checkpoint's most probable class."""


def measure(
    session: Session, images: np.ndarray, classes: np.ndarray, expected: np.ndarray, names: tuple[str, str]
) -> Measured:
    """Run every image through `session` and compare with `expected`, the checkpoint's probabilities.

    `names` are the input's and the output's.
    """
    batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
    answered = np.concatenate([session.run({names[0]: batch})[names[1]] for batch in batches])
    difference = np.abs(answered - expected)
    top1, expected_top1 = answered.argmax(axis=1), expected.argmax(axis=1)
    accuracy = float((top1 == classes).mean())
    return Measured(
        samples=len(images),
        max_abs_diff=float(difference.max()),
        mean_abs_diff=float(difference.mean()),
        top1_agreement=float((top1 == expected_top1).mean()),
        accuracy=accuracy,
        accuracy_drop=float((expected_top1 == classes).mean()) - accuracy,
    )


def refusal(measured: Measured, limits: Limits) -> str | None:
    """Why the variant is refused, or None. A NaN is over every limit."""
    broken = []
    if not measured.max_abs_diff <= limits.max_abs_diff:
        broken.append(f"outputs differ by {measured.max_abs_diff:.2g}, allowed are {limits.max_abs_diff:.2g}")
    if not measured.accuracy_drop <= limits.max_accuracy_drop:
        broken.append(f"accuracy drops by {measured.accuracy_drop:.2%}, allowed are {limits.max_accuracy_drop:.2%}")
    if not measured.top1_agreement >= limits.min_top1_agreement:
        broken.append(
            f"top-1 agreement is {measured.top1_agreement:.2%}, at least {limits.min_top1_agreement:.2%} is needed"
        )
    return "; ".join(broken) or None
