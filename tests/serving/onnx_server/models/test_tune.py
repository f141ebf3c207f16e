"""`--tune` measures what was not set, and takes the quickest plan that keeps a single request the least."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.serving.tiny_bundle import VARIANT, written
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.onnx_server.models import tune
from torchferry.serving.onnx_server.models.plan import Plan
from torchferry.serving.onnx_server.models.tune import best, repeated, tuned
from torchferry.serving.onnx_server.settings import Settings


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two calls for each point, as on a machine of three cores."""
    monkeypatch.setattr(tune, "SECONDS", 0.0)
    monkeypatch.setattr(tune, "cores", lambda: 3)


def measured(said: str) -> list[str]:
    """The divisions of the cores."""
    return [line.split(": ")[2].removesuffix(" threads") for line in said.splitlines()]


@pytest.mark.parametrize(
    ("settings", "divisions"),
    [
        (Settings(), ["1 x 1", "1 x 2", "1 x 3", "2 x 1", "3 x 1"]),
        (Settings(sessions=1), ["1 x 1", "1 x 2", "1 x 3"]),
        (Settings(threads=1), ["1 x 1", "2 x 1", "3 x 1"]),
        (Settings(sessions=4), ["4 x 1"]),
        (Settings(sessions=2, threads=2), ["2 x 2"]),
    ],
)
def test_what_is_set_is_not_varied_and_the_cores_are_divided(
    tmp_path: Path, settings: Settings, divisions: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tuned(written(tmp_path), VARIANT, settings)
    assert measured(capsys.readouterr().out) == divisions
    assert f"{plan.sessions} x {plan.threads}" in divisions


def test_each_batch_is_measured_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tuned(written(tmp_path), VARIANT, Settings(sessions=1, threads=1))
    said = capsys.readouterr().out
    assert said.startswith("tune: tiny: 1 x 1 threads: ")
    assert [int(point.split(",")[0]) for point in said.split("batches of ")[1:]] == [1, 4, 8, 32]


def test_a_batch_that_is_set_is_the_only_one(tmp_path: Path) -> None:
    bundle = written(tmp_path)
    assert tuned(bundle, VARIANT, Settings(sessions=1, threads=1, max_batch=5)) == Plan(1, 1, 5)
    limited = replace(bundle, max_batch=2)
    assert tuned(limited, VARIANT, Settings(sessions=1, threads=1, max_batch=5)) == Plan(1, 1, 2)
    assert tuned(limited, VARIANT, Settings(sessions=1, threads=1)).max_batch <= 2


def test_a_model_without_a_batch_is_measured_with_one_sample(tmp_path: Path) -> None:
    fixed = (TensorSpec(name="row", datatype="FP32", shape=(1, 2)),)
    bundle = replace(written(tmp_path), inputs=fixed)
    assert tuned(bundle, VARIANT, Settings(sessions=1, threads=1)) == Plan(1, 1, 1)


def test_of_about_equal_rates_the_one_with_the_shortest_call_wins() -> None:
    rates = {Plan(2, 1, 1): 100.0, Plan(1, 2, 1): 97.0, Plan(1, 2, 8): 99.0, Plan(1, 1, 1): 60.0}
    assert best(rates) == Plan(1, 2, 1)
    assert best({Plan(2, 1, 1): 100.0, Plan(1, 2, 8): 99.0}) == Plan(1, 2, 8)
    assert best(rates | {Plan(1, 1, 32): 200.0}) == Plan(1, 1, 32)


@pytest.mark.parametrize(("count", "rows"), [(1, [0]), (2, [0, 1]), (5, [0, 1, 0, 1, 0])])
def test_samples_are_repeated_in_their_order(count: int, rows: list[int]) -> None:
    values = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(repeated(values, count), values[rows])
