"""metrics.jsonl reads, after a restart, as if nothing had happened; TensorBoard shows the same values."""

import json
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

from torchferry.training.progress import Progress
from torchferry.training.telemetry.metrics_file import MetricsFile

VALUES = {"epoch": 1, "step": 10, "loss": 0.5, "learning_rate": 0.25, "step_seconds": [0.1, 0.2]}


def opened(run_dir: Path, stands: Progress | None = None, *, tensorboard: bool = False) -> MetricsFile:
    return MetricsFile(run_dir, stands or Progress(), tensorboard=tensorboard)


def rows(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def test_what_json_does_not_have_is_null(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.write("train", VALUES | {"loss": float("nan"), "gradient_norm": float("inf")})
    file.close()
    (row,) = rows(tmp_path)
    assert (row["kind"], row["loss"], row["gradient_norm"]) == ("train", None, None)
    assert (row["learning_rate"], row["step_seconds"]) == (0.25, [0.1, 0.2])


def test_a_run_that_goes_on_takes_back_what_is_done_again(tmp_path: Path) -> None:
    lines = [json.dumps({"kind": kind, "step": step}) for step in (10, 20, 30) for kind in ("train", "test")]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, "[1]", '{"kind": "tr']))
    file = opened(tmp_path, Progress(step=20, evaluated_step=10))
    file.write("train", VALUES | {"step": 25})
    file.close()
    found = [(row["kind"], row["step"]) for row in rows(tmp_path)]
    assert found == [("train", 10), ("test", 10), ("train", 20), ("train", 25)]


def test_tensorboard_has_each_value_that_is_a_number_under_its_own_name(tmp_path: Path) -> None:
    file = opened(tmp_path, tensorboard=True)
    file.write("train", VALUES | {"gradient_norm": float("nan")})
    file.write("train", VALUES | {"step": 20, "loss": 0.25})
    file.write("test", {"step": 20, "accuracy": 0.75})
    file.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert sorted(events.Tags()["scalars"]) == ["test/accuracy", "train/learning_rate", "train/loss"]
    assert [(point.step, point.value) for point in events.Scalars("train/loss")] == [(10, 0.5), (20, 0.25)]
    assert [(point.step, point.value) for point in events.Scalars("test/accuracy")] == [(20, 0.75)]


def test_a_full_disk_is_said_and_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = opened(tmp_path)
    file.file.close()
    file.file = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115  # `close` closes it
    file.write("train", VALUES)
    file.close()
    assert capsys.readouterr().err == "torchferry: /dev/full: cannot be written (No space left on device)\n"
