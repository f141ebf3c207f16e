from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from tests.serving.deciding import CLEAR, TIED, Deciding
from tests.serving.export.checks.test_independence import reference_of
from tests.serving.export.tiny_reference import tiny_reference
from torchferry.contract.tasks.classes import Classification
from torchferry.contract.tasks.multilabel import Multilabel
from torchferry.contract.tasks.regression import Regression
from torchferry.contract.tasks.task import Task
from torchferry.contract.tasks.tensors import Tensors
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.bundle.variant import Measured
from torchferry.serving.export import batch_file
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.gate import Limits, limits_for, refusal
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.serving.session.runtimes import ROUNDINGS, Rounding

CLASSES = np.array([0, 1, 2, 0])
EXPECTED = np.eye(3, dtype=np.float32)[CLASSES]
CLASSIFICATION = Classification(labels=("a", "b", "c"))
REGRESSION = Regression(labels=("a",))
LIMITS = limits_for("fp32", CLASSIFICATION, {})


def measured(
    answers: np.ndarray,
    task: Task = CLASSIFICATION,
    expected: np.ndarray = EXPECTED,
    keep: int = 1 << 20,
    targets: np.ndarray | None = None,
) -> Measured:
    """Of a network that looks its answer up, against one that looks up `expected`; `keep` bytes of outputs are kept.
    Targets are classes, unless there are others."""
    (name,) = task.outputs or ("y",)

    class Table(nn.Module):
        def forward(self, index: torch.Tensor) -> torch.Tensor:
            return torch.from_numpy(expected)[index[:, 0]]

    class Session:
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: answers[inputs["x"][:, 0]]}

    truth = torch.from_numpy(np.resize(CLASSES, len(expected)) if targets is None else targets)
    samples = Samples(TensorDataset(torch.arange(len(expected))[:, None], truth), ("x",))
    reference = Reference(
        name="table",
        task=task.of_outputs({name: None}),
        module=Table(),
        inputs=(TensorSpec(name="x", datatype="INT64", shape=(-1, 1)),),
        outputs=(TensorSpec(name=name, datatype="FP32", shape=(-1, expected.shape[1])),),
        test=samples,
        calibration=None,
        limits={},
        provenance={},
    )
    with TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_file, "LIMIT", keep)
        return Expected(reference, Path(scratch)).measure(Session())


def test_an_exact_variant_is_accepted() -> None:
    result = measured(EXPECTED)
    assert (result.max_abs_diff, result.agreement, result.score, result.score_drop) == (0, 1, 1, 0)
    assert refusal(result, LIMITS) is None


def test_a_variant_that_errs_is_refused_with_each_reason() -> None:
    wrong = EXPECTED.copy()
    wrong[3] = [0, 1, 0]
    result = measured(wrong)
    assert (result.max_abs_diff, result.agreement, result.score_drop) == (1, 0.75, 0.25)
    reason = refusal(result, LIMITS)
    assert reason is not None
    for words in ("outputs differ by 1", "accuracy drops by 25.00%", "agreement with the checkpoint is 75.00%"):
        assert words in reason


def test_a_drop_as_large_as_the_limit_is_accepted() -> None:
    """Of 200 samples 199 were right and now 198 are, which as floats is more than 0.005."""
    assert 199 / 200 - 198 / 200 > 0.005
    expected = np.tile(EXPECTED, (50, 1))
    expected[0] = np.roll(expected[0], 1)
    wrong = expected.copy()
    wrong[1] = np.roll(wrong[1], 1)
    result = measured(wrong, expected=expected)
    assert refusal(result, Limits(max_drop=0.005)) is None


@pytest.mark.parametrize("limits", [LIMITS, Limits()])
def test_a_variant_that_gives_nan_is_refused(limits: Limits) -> None:
    assert refusal(measured(np.full_like(EXPECTED, np.nan)), limits)


@pytest.mark.parametrize("answered", [np.inf, 5.0, np.nan])
def test_only_the_same_infinity_is_no_difference(answered: float) -> None:
    """A network masks a score with -inf; what is answered beside it is judged as ever."""
    expected = np.array([[-np.inf, 1.0], [2.0, -np.inf]], np.float32)
    same = measured(expected, Tensors(), expected)
    assert (same.max_abs_diff, same.relative_error, refusal(same, limits_for("fp32", Tensors(), {}))) == (
        0,
        0,
        None,
    )
    off = expected + np.float32(0.5)
    assert measured(off, Tensors(), expected).relative_error == pytest.approx(0.5 * 2**0.5 / 5**0.5)
    off[0, 0] = answered
    assert refusal(measured(off, Tensors(), expected), Limits()) == "its outputs are not all finite"


def test_a_checkpoint_that_answers_nan_is_said() -> None:
    expected = EXPECTED.copy()
    expected[1, 2] = np.nan
    words = "^table: answers NaN for 1 of 4 samples that it is judged on, so that .*; mend the model or the data$"
    with pytest.raises(UserError, match=words):
        measured(expected, expected=expected)


@pytest.mark.parametrize(("large", "small", "reason"), [
    (32.0, 0.0, None),
    (32.0, 1e-2, "of its largest value an output differs by 0.01, allowed are 0.001; the outputs' relative error"),
    (3e5, 0.0, "outputs differ by 3e+05, allowed are 1e+05; of its largest value an output differs by 0.003"),
])  # fmt: skip
def test_each_of_several_outputs_is_judged_by_its_own_values(large: float, small: float, reason: str | None) -> None:
    class Two(nn.Module):
        def forward(self, row: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.full((len(row), 1), 1e8), torch.full((len(row), 1), 0.5)

    class Off:
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            outputs = reference.run(inputs)
            return {"large": outputs["large"] + large, "small": outputs["small"] + small}

    specs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 1)) for name in ("large", "small"))
    reference = tiny_reference(module=Two(), outputs=specs, task="tensors", labels=())
    expected = Expected(reference)
    found = refusal(expected.measure(Off()), limits_for("fp32", Tensors(), {}, expected.scale))
    assert found == reason if reason is None else found is not None and found.startswith(reason)
    given = limits_for("fp32", Tensors(), {"max_abs_diff": 1e9, "max_relative_error": 1}, expected.scale)
    assert refusal(expected.measure(Off()), given) is None


def test_values_are_judged_by_their_relative_error() -> None:
    expected = np.array([[1.0], [2.0], [3.0], [4.0]], dtype=np.float32)
    result = measured(expected * np.float32(1.02), REGRESSION, expected, targets=expected)
    assert (result.metric, result.agreement) == ("r2", None)
    assert result.score == pytest.approx(1 - 0.02**2 * 30 / 5, abs=1e-6)
    assert result.relative_error == pytest.approx(0.02, rel=1e-4)
    assert refusal(result, limits_for("int8", REGRESSION, {})) is None
    reason = refusal(result, limits_for("fp16", REGRESSION, {}))
    assert reason == "the outputs' relative error is 0.02, allowed are 0.01"


def test_values_whose_targets_are_all_the_same_have_no_score_to_lose() -> None:
    expected = np.array([[1.0], [2.0], [3.0], [4.0]], dtype=np.float32)
    result = measured(expected, REGRESSION, expected, targets=np.ones((4, 1)))
    assert (result.metric, result.score, result.score_drop, result.score_drop_interval) == ("r2", None, None, None)
    assert result.metrics["mae"] == 1.5
    assert refusal(result, limits_for("int8", REGRESSION, {"max_drop": 0.0})) is None


@pytest.mark.parametrize(("wrong", "reason"), [
    (0, None),
    (7, "agreement with the checkpoint is 96.50%, at least 97.00% is needed"),
])  # fmt: skip
def test_several_labels_a_sample_are_judged_by_micro_f1(wrong: int, reason: str | None) -> None:
    """100 samples of two labels, of which each has the first alone; `wrong` answers lack it."""
    expected = np.tile(np.array([[0.9, 0.1]], np.float32), (100, 1))
    answers = expected.copy()
    answers[:wrong, 0] = 0.4
    task = Multilabel(labels=("a", "b"))
    result = measured(answers, task, expected, targets=(expected > 0.5).astype(np.uint8))
    assert (result.metric, [*result.metrics]) == ("micro_f1", ["micro_f1", "macro_f1", "map"])
    assert result.agreement == 1 - wrong / 200
    found = refusal(result, limits_for("int8", task, {}))
    if reason is None:
        assert found is None
    else:
        assert found == f"micro_f1 drops by {7 / 193:.4f}, allowed are 0.0050; {reason}"


def test_values_that_were_scaled_back_are_judged_before_that() -> None:
    """A variant that errs by a third of what the targets differ by is no good, though they are above a billion."""
    task = Regression(labels=("a",), mean=(1.7e9,), std=(300.0,))
    expected = 1.7e9 + np.array([[-300.0], [300.0], [-300.0], [300.0]])
    result = measured(expected + 100, task, expected, targets=expected)
    assert result.relative_error == pytest.approx(1 / 3)
    assert result.max_abs_diff == 100
    for rounding in ROUNDINGS:
        reason = refusal(result, limits_for(rounding, task, {}, 300))
        assert reason is not None
        assert "relative error is 0.33" in reason


def test_a_limit_that_is_given_replaces_the_variants_own() -> None:
    limits = limits_for("int8", CLASSIFICATION, {"min_agreement": 0.5})
    assert (limits.min_agreement, limits.max_drop, limits.max_abs_diff) == (0.5, 0.005, None)


@pytest.mark.parametrize("keep", [0, 64 * 3 * 4 + 128, 1 << 20])
def test_outputs_that_are_too_many_to_keep_are_computed_again(keep: int) -> None:
    """Batches of 64 samples: none, the first, or all of them are kept."""
    expected = np.random.default_rng(0).dirichlet(np.ones(3), 200).astype(np.float32)
    wrong = expected.copy()
    wrong[[1, 70, 199]] = np.roll(wrong[[1, 70, 199]], 1, axis=1)
    result = measured(wrong, expected=expected, keep=keep)
    assert result == measured(wrong, expected=expected)
    assert result.max_abs_diff == np.abs(wrong - expected).max()
    assert result.agreement == 197 / 200


@pytest.mark.parametrize(
    ("samples", "wrong", "share"), [(10, 0, None), (10, 1, "10.00%"), (5000, 5, None), (5000, 6, "0.12%")]
)
def test_one_wrong_id_of_few_is_refused_and_one_of_thousands_is_not(
    samples: int, wrong: int, share: str | None
) -> None:
    expected = np.arange(samples)[:, None]
    answers = expected + 1000 * (expected < wrong)
    result = measured(answers, Tensors(), expected)
    assert (result.max_abs_diff, result.relative_error, result.mean_abs_diff) == (0, 0, 0)
    assert result.changed_shares == {"y": wrong / samples}
    found = refusal(result, limits_for("fp32", Tensors(), {}))
    if share is None:
        assert found is None
    else:
        assert found is not None
        assert found.startswith(f"{share} of 'y' are other values, allowed are 0.10% beside near ties, which the")


@pytest.mark.parametrize(("rounding", "allowed"), [("fp32", 0.001), ("fp16", 0.01), ("int8", 0.03)])
def test_how_many_whole_numbers_may_be_others_goes_by_rounding(rounding: Rounding, allowed: float) -> None:
    expected = np.zeros((1000, 1), bool)
    for wrong, is_accepted in ((round(1000 * allowed), True), (round(1000 * allowed) + 1, False)):
        result = measured(np.arange(1000)[:, None] < wrong, Tensors(), expected)
        assert (refusal(result, limits_for(rounding, Tensors(), {})) is None) == is_accepted
        assert refusal(result, limits_for(rounding, Tensors(), {"max_changed_share": 0.5})) is None


@pytest.mark.parametrize(("wrong", "share"), [(1, 0), (0, 0.25)])
def test_a_near_tie_is_no_fault(wrong: int, share: float) -> None:
    rows = torch.tensor([CLEAR, TIED, CLEAR, CLEAR])
    reference = reference_of(Deciding(), rows)

    class Other:
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            outputs = reference.run(inputs)
            outputs["scores"][wrong] = 1 - outputs["scores"][wrong]
            return outputs

    result = Expected(reference).measure(Other())
    assert result.changed_shares == {"scores": share}
    assert (refusal(result, limits_for("fp32", Tensors(), {})) is None) == (share == 0)
