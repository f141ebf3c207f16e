from collections.abc import Mapping

import numpy as np
import pytest

from serving.bundle import Measured
from serving.export.gate import Limits, measure, refusal

CLASSES = np.array([0, 1, 2, 0])
EXPECTED = np.eye(3, dtype=np.float32)[CLASSES]


def measured(answers: np.ndarray) -> Measured:
    class Session:
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {"y": answers[inputs["x"]]}

    return measure(Session(), np.arange(4), CLASSES, EXPECTED, ("x", "y"))


def test_an_exact_variant_is_accepted() -> None:
    result = measured(EXPECTED)
    assert (result.max_abs_diff, result.top1_agreement, result.accuracy, result.accuracy_drop) == (0, 1, 1, 0)
    assert refusal(result, Limits()) is None


def test_a_variant_that_errs_is_refused_with_each_reason() -> None:
    wrong = EXPECTED.copy()
    wrong[3] = [0, 1, 0]
    result = measured(wrong)
    assert (result.max_abs_diff, result.top1_agreement, result.accuracy_drop) == (1, 0.75, 0.25)
    reason = refusal(result, Limits())
    assert reason is not None
    for words in ("outputs differ by 1", "accuracy drops by 25.00%", "agreement is 75.00%"):
        assert words in reason


@pytest.mark.parametrize("limits", [Limits(), Limits(max_abs_diff=1e9, max_accuracy_drop=1, min_top1_agreement=0)])
def test_a_variant_that_gives_nan_is_refused(limits: Limits) -> None:
    assert refusal(measured(np.full_like(EXPECTED, np.nan)), limits)
