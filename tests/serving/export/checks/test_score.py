"""A variant's score beside the checkpoint's: exact, in parts, and with the interval that its drop lies in."""

import numpy as np
import pytest

from torchferry.contract.tasks.classes import Classification
from torchferry.contract.tasks.multilabel import Multilabel
from torchferry.contract.tasks.regression import Regression
from torchferry.contract.tasks.task import Arrays, Task
from torchferry.contract.tasks.tensors import Tensors
from torchferry.serving.export.checks.score import Judged, Mean, Score, compared

TWO = Classification(labels=("no", "yes"))
VALUES = Regression(labels=("a",))


def judged(task: Task, outputs: np.ndarray, targets: np.ndarray, parts: int = 1) -> Score:
    answers = Judged(task)
    (name,) = task.outputs
    for output, target in zip(np.array_split(outputs, parts), np.array_split(targets, parts), strict=True):
        answers.add({name: output}, target)
    found = answers.score()
    assert found is not None
    return found


def of_classes(right: np.ndarray) -> Score:
    """Of samples of class 1 that are answered right or not."""
    return judged(TWO, np.stack([~right, right], axis=1).astype(np.float32), np.ones(len(right), np.int64))


@pytest.mark.parametrize("task", [TWO, Multilabel(labels=("a", "b")), Regression(labels=("a", "b"))])
def test_the_parts_have_the_metrics_of_the_whole(task: Task) -> None:
    random = np.random.default_rng(0)
    outputs = random.dirichlet((1, 1), 90).astype(np.float32)
    several = random.integers(0, 2, (90, 2))
    targets = several[:, 0] if task is TWO else several
    (name,) = task.outputs
    whole = task.measure(task.rows({name: outputs}, targets))
    for parts in (1, 7):
        found = judged(task, outputs, targets, parts)
        assert found.metrics == pytest.approx(whole)
        assert task.score(found.rows) == pytest.approx(whole[task.headline])


def test_without_targets_or_a_metric_there_is_no_score() -> None:
    answers, tensors = Judged(TWO), Judged(Tensors(of_output={"y": None}))
    answers.add({"probabilities": np.eye(2)}, None)
    tensors.add({"y": np.eye(2)}, np.zeros(2))
    assert (answers.score(), tensors.score()) == (None, None)
    some = of_classes(np.array([True]))
    assert compared(TWO, None, some) == compared(TWO, some, None) == {"score": None, "score_drop": None}


def test_no_more_is_held_than_the_score_has_to_know() -> None:
    """Scores of a thousand classes would fill the memory, where a sample's two numbers do not."""
    task = Classification(labels=tuple(map(str, range(100))))
    found = judged(task, np.full((50, 100), 0.01, np.float32), np.arange(50), parts=5)
    assert sum(values.nbytes for values in found.rows.values()) <= 50 * 16
    assert {"auroc", "calibration_error"} < found.metrics.keys()


def test_a_task_that_needs_all_samples_together_is_given_them() -> None:
    class Distinct(Regression):
        """How many different values were answered."""

        adds_up = False
        headline = "distinct"

        def together(self, rows: Arrays) -> Arrays:
            _, first = np.unique(rows["predicted"], return_index=True)
            return {"is_first": np.isin(np.arange(len(rows["predicted"])), first)}

        def measure(self, rows: Arrays) -> dict[str, float]:
            return {"distinct": float(rows["is_first"].sum())}

    outputs = np.array([[1.0], [2.0], [1.0], [3.0], [2.0]])
    found = judged(Distinct(labels=("a",)), outputs, outputs, parts=3)
    assert (found.metrics, list(found.rows)) == ({"distinct": 3.0}, ["is_first"])


def test_the_interval_is_that_of_a_drop_whose_error_is_known() -> None:
    """Of 1000 samples the variant loses 50: the drop's standard error is sqrt(0.05 * 0.95 / 1000), 0.0069."""
    found = compared(TWO, of_classes(np.ones(1000, bool)), of_classes(np.arange(1000) >= 50))
    assert (found["metric"], found["score"], found["score_drop"]) == ("accuracy", 0.95, 0.05)
    low, high = found["score_drop_interval"]
    error = np.sqrt(0.05 * 0.95 / 1000)
    assert low == pytest.approx(0.05 - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(0.05 + 1.96 * error, abs=0.2 * error)


def test_both_are_judged_on_the_same_draws() -> None:
    """Half of the samples are hard for both, which says nothing of the drop."""
    right = np.arange(1000) % 2 == 0
    found = compared(TWO, of_classes(right), of_classes(right))
    assert (found["score_drop"], found["score_drop_interval"]) == (0.0, (0.0, 0.0))
    assert compared(TWO, of_classes(right), of_classes(~right))["score_drop_interval"] != (0.0, 0.0)


def test_the_same_samples_give_the_same_interval() -> None:
    right = np.random.default_rng(1).random(200) < 0.9
    one, two = (compared(TWO, of_classes(np.ones(200, bool)), of_classes(right)) for _ in range(2))
    assert one["score_drop_interval"] == two["score_drop_interval"]


def test_where_the_checkpoint_has_no_score_nothing_drops() -> None:
    """The r2 of targets that are all the same divides by nothing."""
    same = judged(VALUES, np.arange(6.0)[:, None], np.ones((6, 1)))
    found = compared(VALUES, same, same)
    assert (found["score"], found["score_drop"], found["score_drop_interval"]) == (None, None, None)
    assert np.isnan(found["metrics"]["r2"])
    assert found["metrics"]["mae"] == pytest.approx(np.abs(np.arange(6) - 1).mean())


def test_a_score_that_is_lost_is_a_drop_over_every_limit() -> None:
    """A variant that answers NaN has none, where the checkpoint has one."""
    targets = np.arange(6.0)[:, None]
    found = compared(VALUES, judged(VALUES, targets, targets), judged(VALUES, targets * np.nan, targets))
    assert (found["score"], found["score_drop_interval"]) == (None, None)
    assert np.isnan(found["score_drop"])


def test_draws_without_a_score_are_left_out() -> None:
    """Of two samples half of the draws are of one alone, which has no r2."""
    targets = np.array([[1.0], [3.0]])
    found = compared(VALUES, judged(VALUES, targets, targets), judged(VALUES, targets + 0.5, targets))
    assert found["score_drop"] == found["score_drop_interval"][0] == found["score_drop_interval"][1] == 0.25


def test_a_mean_is_of_all_values_and_of_none_there_is_none() -> None:
    mean = Mean()
    mean.add(None)
    assert mean.value is None
    mean.add(np.array([1.0, 0.0, 0.5]))
    mean.add(np.array([1.0]))
    assert mean.value == 0.625
