"""Reports of the leading rank: metrics.jsonl, a terminal line for each epoch, and Prometheus."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.training.telemetry.listener import listening
from torchferry.training.config.recipe import MetricsConfig
from torchferry.training.evaluation import Evaluation
from torchferry.training.progress import Progress
from torchferry.training.telemetry.prometheus import TrainMetrics
from torchferry.training.telemetry.report import Report
from torchferry.training.telemetry.reporters import NullReporter, RankZeroReporter, Reporter


class Heard:
    """The metrics that a reporter passes everything on to."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        config = MetricsConfig(port=None, tensorboard=False)
        self.metrics = TrainMetrics(config, "digits", world_size=1, restarts=0, registry=self.registry)

    def __getitem__(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"torchferry_train_{name}")


def reporter_in(run_dir: Path, stands: Progress | None = None, heard: Heard | None = None) -> RankZeroReporter:
    return RankZeroReporter(run_dir, (heard or Heard()).metrics, stands or Progress(), total=40, epochs=4)


def report(step: int, loss: float, epoch: int = 1, **changes: Any) -> Report:
    given: dict[str, Any] = {
        "learning_rate": 0.1,
        "gradient_norm": 1.0,
        "samples_per_second": 10.0,
        "step_seconds": [0.1],
        "data_wait_ratio": [0.0],
        "forward_seconds": [0.1],
        "corrupt": 0,
        "skipped": 0,
    }
    return Report(epoch=epoch, step=step, loss=loss, **given | changes)


def result(split: str = "test", **values: float) -> Evaluation:
    told = tuple(name for name in values if name != "loss")
    return Evaluation(split=split, samples=7, corrupt=0, values=values, score=0, told=told, shown=[])


def rows(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def test_reports_and_evaluations_are_lines_of_a_file(tmp_path: Path) -> None:
    reporter = reporter_in(tmp_path)
    reporter.report(report(10, 0.5))
    reporter.evaluated(epoch=1, step=10, result=result(loss=0.25, accuracy=0.75))
    reporter.close()
    train, test = rows(tmp_path)
    assert (train["kind"], train["step"], train["loss"], train["step_seconds"]) == ("train", 10, 0.5, [0.1])
    assert test.pop("time") > 0
    assert test == {"kind": "test", "epoch": 1, "step": 10, "samples": 7, "loss": 0.25, "accuracy": 0.75}


def test_the_rates_of_groups_are_told_where_there_are_some(tmp_path: Path) -> None:
    heard = Heard()
    heard.metrics.config.tensorboard = True
    reporter = reporter_in(tmp_path, heard=heard)
    reporter.report(report(10, 0.5))
    reporter.report(report(20, 0.5, learning_rates={"rest": 0.1, "fc.*:no_decay": 0.01}))
    reporter.close()
    first, second = rows(tmp_path)
    assert "learning_rates" not in first
    assert (second["learning_rate"], second["learning_rates"]) == (0.1, {"rest": 0.1, "fc.*:no_decay": 0.01})
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = events.EventAccumulator(str(tmp_path)).Reload()
    assert board.Scalars("train/learning_rate")[1].step == 20
    tags = board.Tags()["scalars"]
    rates = [tag for tag in tags if tag.startswith("train/learning_rates/")]
    assert rates == ["train/learning_rates/rest", "train/learning_rates/fc.*:no_decay"]
    assert board.Scalars(rates[1])[0].value == pytest.approx(0.01)


def test_an_epoch_is_a_plain_line_with_the_mean_over_its_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = reporter_in(tmp_path)
    reporter.report(report(10, 0.5))
    reporter.report(report(40, 0.1))
    reporter.evaluated(epoch=1, step=40, result=result(loss=0.25, accuracy=0.75))
    reporter.report(report(50, 0.75, epoch=2))
    reporter.evaluated(epoch=2, step=50, result=result(loss=0.25, accuracy=1))
    reporter.close()
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1/4  train loss 0.2000  test loss 0.2500  test accuracy 75.00%",
        "epoch 2/4  train loss 0.7500  test loss 0.2500  test accuracy 100.00%",
    ]


def test_an_evaluation_before_any_report_says_nothing_of_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = reporter_in(tmp_path, Progress(step=40, epoch=2))
    reporter.evaluated(epoch=2, step=40, result=result(loss=0.25, r2=0.5))
    reporter.close()
    assert capsys.readouterr().out == "epoch 2/4  test loss 0.2500  test r2 0.5000\n"


def test_the_mean_of_a_run_that_goes_on_counts_the_steps_since_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = reporter_in(tmp_path, Progress(step=30))
    reporter.report(report(31, 0.5))
    reporter.report(report(34, 0.1))
    reporter.evaluated(epoch=1, step=34, result=result(loss=0.25))
    reporter.close()
    assert "train loss 0.2000" in capsys.readouterr().out


def test_everything_is_passed_on_to_prometheus(tmp_path: Path) -> None:
    heard = Heard()
    reporter = reporter_in(tmp_path, heard=heard)
    reporter.step(samples=64, seconds=0.5, waited=0.25)
    reporter.report(report(1, 0.5))
    reporter.evaluated(epoch=1, step=1, result=result(accuracy=0.75))
    reporter.saved(2)
    reporter.save_failed()
    reporter.close()
    assert (heard["samples_total"], heard["data_wait_seconds_total"], heard["loss"]) == (64, 0.25, 0.5)
    assert (heard["eval_accuracy_ratio"], heard["checkpoint_duration_seconds_sum"]) == (0.75, 2)
    assert heard["checkpoint_failures_total"] == 1


def test_a_run_is_finished_once_and_closing_it_finishes_it(tmp_path: Path) -> None:
    for done in (True, False):
        with listening() as kubeflow, pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBEFLOW_TRAINER_SERVER_URL", f"{kubeflow.url}/status")
            reporter = reporter_in(tmp_path)
            reporter.report(report(10, 0.5))
            if done:
                reporter.finish(done=True)
            reporter.close()
        status = json.loads(kubeflow.requests[-1].body)["trainerStatus"]
        assert status["progressPercentage"] == (100 if done else 0)
        assert {"name": "loss", "value": "0.5"} in status["metrics"]
        assert reporter.file.file.closed


def test_the_other_ranks_take_the_same_calls_and_are_silent(capfd: pytest.CaptureFixture[str]) -> None:
    silent: Reporter = NullReporter()
    calls = {name for name, _ in inspect.getmembers(RankZeroReporter, inspect.isfunction) if not name.startswith("_")}
    assert calls <= set(dir(silent))
    silent.step(samples=1, seconds=1, waited=1)
    silent.report(report(1, 0.5))
    silent.evaluated(epoch=1, step=1, result=result(loss=1))
    silent.saved(1)
    silent.save_failed()
    silent.evaluating()
    silent.finish(done=True)
    silent.linger(lambda: pytest.fail("it waits"))
    silent.close()
    assert capfd.readouterr() == ("", "")
