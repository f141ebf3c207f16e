"""Every mode is a run of our trainer, and one that begins with another loss than fp32 is said to be wrong."""

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.gpu.given import setting
from torchferry.benchmarks.gpu.modes import MODES, run
from torchferry.benchmarks.gpu.part import Outcome
from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.workload import Workload


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Workload, dict[str, Any]]]:
    """What was asked of our trainer, which learns."""
    asked = []

    def measure(work: Workload, _: Path, **changes: Any) -> dict[str, float]:
        asked.append((work, changes))
        return {"samples_per_second": 1000.0, "first_loss": 2.4, "last_loss": 2.2}

    monkeypatch.setattr(ours, "measure", measure)
    return asked


def test_every_precision_layout_and_place_of_the_data(
    runs: list[tuple[Workload, dict[str, Any]]], tmp_path: Path
) -> None:
    outcome = Outcome("modes")
    run(setting(tmp_path, "NVIDIA H200"), outcome)
    assert [(work.precision, work.channels_last, work.compile) for work, _ in runs] == [mode[:3] for mode in MODES]
    assert {mode.precision for mode in MODES} == {"fp32", "bf16", "fp16"}
    assert [changes["data"]["device_resident"] for _, changes in runs] == [mode.device_resident for mode in MODES]
    # fp16's loss scale is found by steps that are left out.
    assert [changes.get("step") for work, changes in runs if work.precision == "fp16"] == [{"skip_nonfinite": 20}]
    assert [line.what for line in outcome.lines][:3] == [
        "ResNet-18, 32 x 32, fp32, device_resident",
        "ResNet-18, 32 x 32, bf16, device_resident",
        "ResNet-18, 32 x 32, fp16 with GradScaler, device_resident",
    ]
    assert outcome.lines[0].note == "loss 2.400 to 2.200"
    assert outcome.left_out == []


def test_small_sizes_leave_some_out_and_say_so(runs: list[tuple[Workload, dict[str, Any]]], tmp_path: Path) -> None:
    outcome = Outcome("modes")
    run(setting(tmp_path), outcome)
    assert outcome.left_out == ["5 modes: --small has no time for them"]
    assert not any(work.compile for work, _ in runs)


@pytest.mark.parametrize(
    "wrong", [{"first_loss": 3.0, "last_loss": 2.9}, {"first_loss": 2.4, "last_loss": float("nan")}]
)
def test_a_loss_that_is_wrong_fails_the_part_and_the_other_modes_are_measured(
    wrong: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(work: Workload, _: Path, **__: Any) -> dict[str, float]:
        good = {"samples_per_second": 1.0, "first_loss": 2.4, "last_loss": 2.2}
        return good | (wrong if work.precision == "fp16" else {})

    monkeypatch.setattr(ours, "measure", measure)
    outcome = Outcome("modes")
    with pytest.raises(ValueError, match=r"^the loss is wrong with fp16 with GradScaler, device_resident$"):
        run(setting(tmp_path, "NVIDIA H200"), outcome)
    assert len(outcome.lines) == len(MODES)
    assert outcome.lines[2].note.endswith("which is wrong: fp32 begins with 2.400")
