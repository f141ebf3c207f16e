"""Tasks: metrics and losses from sums that add up over ranks, blank targets, and the number of outputs."""

import math

import pytest
import torch
from torch.nn import functional
from torch.utils.data import TensorDataset

from torchferry.errors import UserError
from torchferry.training.data.source import Source, TargetScale, TensorInput
from torchferry.training.tasks import TASKS, Binary, Classification, Regression, Task

LOGITS = torch.tensor([[2.0, 1, 0], [0, 3, 1], [1, 0, 5], [4, 1, 2], [0, 2, 1]])
CLASSES = torch.tensor([0, 1, 2, 1, 1])
LOGIT, SIDES = torch.tensor([[2.0], [-1], [0.5], [-3], [0]]), torch.tensor([1, 1, 0, 0, 0])
VALUES, TRUTH = torch.tensor([[1.0, 5], [2, 5], [3, 8]]), torch.tensor([[1.0, 4], [2, 6], [6, 8]])


def source(*labels: str, targets: str = "classes") -> Source:
    data = TensorDataset(torch.zeros(0, 1))
    return Source(train=data, test=data, labels=labels, input=TensorInput(shape=(1,)), targets=targets)  # type: ignore[arg-type]


def test_classes_are_counted_by_truth_and_prediction() -> None:
    task = Classification()
    assert task.predicted(LOGITS).tolist() == [0, 1, 2, 0, 1]
    sums = task.sums(LOGITS, CLASSES)
    assert task.confusion(sums).tolist() == [[1, 0, 0], [1, 2, 0], [0, 0, 1]]
    assert task.values(sums, 5) == {"accuracy": 0.8}


def test_two_sides_have_precision_and_recall() -> None:
    task = Binary()
    assert task.predicted(LOGIT).tolist() == [1, 0, 1, 0, 0]
    sums = task.sums(LOGIT, SIDES)
    assert task.confusion(sums).tolist() == [[2, 1], [1, 1]]
    assert task.values(sums, 5) == {"accuracy": 0.6, "precision": 0.5, "recall": 0.5}


def test_precision_is_of_what_was_found_and_recall_of_what_there_was() -> None:
    values = Binary().values(torch.tensor([[90.0, 6], [1, 3]], dtype=torch.float64), 100)
    assert values == pytest.approx({"accuracy": 0.93, "precision": 1 / 3, "recall": 0.75})


def test_a_side_that_never_occurs_is_no_division_by_zero() -> None:
    values = Binary().values(torch.tensor([[5.0, 0], [0, 0]], dtype=torch.float64), 5)
    assert values == {"accuracy": 1, "precision": 0, "recall": 0}


def test_r2_is_the_mean_over_the_outputs() -> None:
    task = Regression()
    values = task.values(task.sums(VALUES, TRUTH), 3)
    # Spreads of 14 and 8 around the means 3 and 6, squared errors of 9 and 2.
    assert values["r2"] == pytest.approx((1 - 9 / 14 + 1 - 2 / 8) / 2)
    assert values["mae"] == pytest.approx(5 / 6)
    assert values["rmse"] == pytest.approx(math.sqrt(11 / 6))
    assert task.confusion(task.sums(VALUES, TRUTH)) is None


def test_r2_of_a_target_that_never_changes_is_no_number() -> None:
    task = Regression()
    assert math.isnan(task.values(task.sums(VALUES, torch.ones(3, 2)), 3)["r2"])


DUE = TargetScale(mean=(1.7e9,), std=(300,))
DUE_TRUTH = 1.7e9 + torch.tensor([[-300.0], [0], [300]], dtype=torch.float64)


def test_a_scaled_target_is_learnt_in_scaled_values_and_judged_in_its_own_units() -> None:
    task = Regression().of(DUE)
    learnt = torch.tensor([[-1.0], [0], [2]])
    for outputs in (learnt, learnt.bfloat16()):
        given, targets = task.for_loss(outputs, DUE_TRUTH)
        assert given is outputs
        assert (targets.dtype, targets.tolist()) == (torch.float32, [[-1], [0], [1]])
    outputs = learnt.double() * 300 + 1.7e9
    assert task.test_loss(outputs, DUE_TRUTH).item() == pytest.approx(1)
    values = task.values(task.sums(outputs, DUE_TRUTH), 3)
    assert values == pytest.approx({"r2": 0.5, "mae": 100, "rmse": 300 / 3**0.5})
    assert task.for_loss(learnt, task.blank_targets(2, 1))[1].tolist() == [[0], [0]]


def test_squares_of_large_targets_keep_the_digits_in_which_they_differ() -> None:
    truth = 1.7e9 + torch.arange(100, dtype=torch.float64)[:, None] / 1000
    task = Regression().of(TargetScale(mean=(1.7e9,), std=(0.03,)))
    assert task.values(task.sums(truth + 0.001, truth), 100)["r2"] == pytest.approx(1 - 1 / 833.25, rel=1e-6)


def test_float64_targets_that_are_not_scaled_are_learnt_as_float32() -> None:
    given, targets = Regression().for_loss(VALUES, TRUTH.double())
    assert (given.dtype, targets.dtype) == (torch.float32, torch.float32)
    assert Regression().test_loss(VALUES, TRUTH.double()).dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "outputs", "targets"),
    [("classification", LOGITS, CLASSES), ("binary", LOGIT, SIDES), ("regression", VALUES, TRUTH)],
)
def test_sums_and_losses_of_shares_add_up_to_those_of_the_whole(
    name: str, outputs: torch.Tensor, targets: torch.Tensor
) -> None:
    task = TASKS[name]
    parts = [(outputs[:1], targets[:1]), (outputs[1:], targets[1:]), (outputs[:0], task.blank_targets(0, 2))]
    assert task.sums(outputs, targets).dtype == torch.float64
    assert torch.equal(sum(task.sums(*part) for part in parts[:2]), task.sums(outputs, targets))  # type: ignore[arg-type]
    assert torch.allclose(sum(task.test_loss(*part) for part in parts[:2]), task.test_loss(outputs, targets))  # type: ignore[arg-type]
    if name != "regression":
        assert not task.sums(*parts[2]).any()


def test_the_losses_are_summed_over_samples_and_averaged_over_outputs() -> None:
    assert torch.allclose(Classification().test_loss(LOGITS, CLASSES), 5 * functional.cross_entropy(LOGITS, CLASSES))
    logits = functional.binary_cross_entropy_with_logits(LOGIT[:, 0], SIDES.float())
    assert torch.allclose(Binary().test_loss(LOGIT, SIDES), 5 * logits)
    assert Regression().test_loss(VALUES, TRUTH).item() == pytest.approx(11 / 2)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_blank_targets_are_what_its_loss_takes(task: Task) -> None:
    outputs = torch.zeros(2, 1 if isinstance(task, Binary) else 3)
    given, targets = task.for_loss(outputs, task.blank_targets(2, outputs.shape[1]))
    losses = {"cross_entropy": functional.cross_entropy, "mse": functional.mse_loss}
    loss = losses.get(task.default_loss, functional.binary_cross_entropy_with_logits)
    assert loss(given, targets).isfinite()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "given", "outputs"),
    [
        ("classification", source("a", "b", "c"), 3),
        ("binary", source("a", "b"), 1),
        ("regression", source("a", "b", targets="values"), 2),
        ("regression", source("a", targets="values"), 1),
    ],
)
def test_the_network_gives_as_many_outputs_as_the_task_needs(name: str, given: Source, outputs: int) -> None:
    assert TASKS[name].outputs(given) == outputs


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("classification", source("a", "b", targets="values"), "task: data.source gives float targets, not classes"),
        ("classification", source("a"), "data.source: has 1 labels; classes are two or more"),
        ("binary", source("a", "b", "c"), "task: binary takes 2 classes, data.source has 3; use classification"),
        ("binary", source("a", "b", targets="values"), "not classes; use regression"),
        ("regression", source("a", "b"), "task: regression takes float targets, data.source gives classes"),
    ],
)
def test_data_of_another_task_is_refused(name: str, given: Source, words: str) -> None:
    with pytest.raises(UserError, match=words):
        TASKS[name].outputs(given)
