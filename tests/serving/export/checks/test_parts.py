"""Each head is measured, and refused, by itself."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from torchferry.contract.tasks.heads import Heads
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.bundle.variant import Measured
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.gate import Limits, limits_for, refusal
from torchferry.serving.export.checks.parts import scaling
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.training.data.several import SeveralTargets

KINDS = torch.arange(8) % 2
SIZES = torch.arange(8.0, dtype=torch.float64)[:, None]
HEADS: dict[str, dict[str, Any]] = {
    "kind": {"name": "classification"},
    "size": {"name": "regression", "mean": (1000.0,), "std": (2.0,)},
}
TASK = Heads(heads=HEADS, labels=("kind: cat", "kind: dog", "size: cm"))
RIGHT = {"kind": np.eye(2, dtype=np.float32)[KINDS], "size": 1000 + SIZES.numpy()}


def measured(**answers: np.ndarray) -> Measured:
    """Of a variant that looks its answers up, against a checkpoint whose own are right."""

    class Table(nn.Module):
        def forward(self, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(torch.from_numpy(values)[index[:, 0]] for values in RIGHT.values())

    class Session:
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: values[inputs["x"][:, 0]] for name, values in (RIGHT | answers).items()}

    data = SeveralTargets(torch.arange(8)[:, None], {"kind": KINDS, "size": 1000 + SIZES})
    reference = Reference(
        name="table",
        task=TASK,
        module=Table(),
        inputs=(TensorSpec(name="x", datatype="INT64", shape=(-1, 1)),),
        outputs=(
            TensorSpec(name="kind", datatype="FP32", shape=(-1, 2)),
            TensorSpec(name="size", datatype="FP64", shape=(-1, 1)),
        ),
        test=Samples(data, ("x",)),
        calibration=None,
        limits={},
        provenance={},
    )
    return Expected(reference).measure(Session())


def test_heads_are_measured_by_their_own_metrics() -> None:
    wrong = RIGHT["kind"].copy()
    wrong[0] = wrong[0, ::-1]
    result = measured(kind=wrong)
    kind, size = result.parts["kind"], result.parts["size"]
    assert (kind.metric, kind.score, kind.score_drop, kind.agreement) == ("accuracy", 0.875, 0.125, 0.875)
    assert (size.metric, size.score_drop, size.agreement, size.relative_error) == ("r2", 0, None, 0)
    assert result.score_drop == pytest.approx(0.0625)


def test_a_head_is_refused_by_its_own_limits() -> None:
    wrong = RIGHT["kind"].copy()
    wrong[0] = wrong[0, ::-1]
    reason = refusal(measured(kind=wrong), limits_for("int8", TASK, {}))
    assert reason is not None
    assert reason.startswith("kind: accuracy drops by 12.50%")
    assert "kind: agreement with the checkpoint is 87.50%" in reason
    assert "size" not in reason


def test_an_outputs_error_is_judged_before_it_was_scaled_back() -> None:
    """Off by 1 of numbers around 1003, which is much of what was learnt."""
    result = measured(size=RIGHT["size"] + 1)
    assert result.parts["size"].relative_error == pytest.approx((8 / (SIZES**2).sum().item()) ** 0.5)
    reason = refusal(result, limits_for("fp16", TASK, {}))
    assert reason == "size: the outputs' relative error is 0.24, allowed are 0.01"
    assert [each.tolist() for each in scaling(TASK, "size")] == [[1000], [2]]
    assert [each.tolist() for each in scaling(TASK, "kind")] == [0, 1]


def test_what_is_given_holds_for_each_head_that_it_can_hold_for() -> None:
    limits = limits_for("int8", TASK, {"max_drop": 0.5, "max_relative_error": 0.3})
    assert limits.parts["kind"] == replace(Limits(), max_drop=0.5, min_agreement=0.97)
    assert limits.parts["size"].max_relative_error == 0.3
    assert limits_for("fp32", TASK, {}).parts["kind"].min_agreement == 0.99
