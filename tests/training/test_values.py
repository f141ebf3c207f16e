"""Rows and targets of any size are learnt: what a network gets and gives is near 1, and digits are kept until then."""

import math
from typing import Any

import numpy as np
import pytest

from tests.training import tiny
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import OptimizerConfig, ScheduleConfig, StepConfig
from torchferry.training.evaluation import Evaluation, evaluate
from torchferry.training.trainer.wrap_ddp import assemble

pytestmark = pytest.mark.usefixtures("alone")
SECONDS = [1700000000 + i for i in range(1000)]
WAVES = [math.sin(i / 160) for i in range(1000)]
FORMER: dict[str, Any] = {"datatype": "float32", "scale_target": False}


def trained(columns: dict[str, Any], precision: Any = "fp32", **args: Any) -> Evaluation:
    """Of a small network with Adam at 0.01, in batches of 100."""
    epochs = 30
    table = Component(name="table", args={"columns": columns, "target": "y", **args})
    run = tiny.build(
        data={"source": table, "batch_size": 100},
        task="regression",
        model=Component(name="mlp", args={"widths": [1, 64, 64, 1]}),
        optimizer=OptimizerConfig(name="Adam", args={"lr": 0.01}),
        schedule=ScheduleConfig(name="cosine"),
        step=StepConfig(precision=precision, ema_decay=0.5),
        epochs=epochs,
    )
    step = assemble(run)
    for epoch in range(epochs):
        batches = run.feed.epoch(epoch, 0)
        for _ in range(len(run.order)):
            step(batches, epoch, measure=False)
    return evaluate(step.trained, run.evaluation, run.task, run.rank_info)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_column_of_seconds_keeps_its_values(precision: str) -> None:
    assert trained({"t": SECONDS, "y": WAVES}, precision=precision).score > 0.99
    if precision == "fp32":
        assert trained({"t": SECONDS, "y": WAVES}, **FORMER).score < 0.98


@pytest.mark.parametrize("size", [1e-6, 300, 1e6])
def test_targets_of_any_size_are_learnt(size: float) -> None:
    columns = {"x": list(range(1000)), "y": [size * (3 + wave) for wave in WAVES]}
    assert trained(columns).score > 0.99
    if size == 300:
        assert trained(columns, **FORMER).score < 0.9


def test_a_target_of_seconds_keeps_its_digits() -> None:
    result = trained({"t": SECONDS, "y": [1.7e9 + i for i in range(1000)]})
    assert result.score > 0.999
    assert result.values["rmse"] < 10
    assert result.values["loss"] == pytest.approx((result.values["rmse"] / 288.7) ** 2, rel=0.05)
    assert result.points is not None
    true, _ = result.points
    assert (true % 1 == 0).all()
    assert np.array_equal(np.unique(true), np.sort(true.ravel()))
