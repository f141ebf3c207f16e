"""What a run tells the outside: progress, metrics.jsonl and Prometheus, from the leading rank alone."""

import json
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, start_http_server
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.config import MetricsConfig
from training.errors import UserError
from training.evaluate import Evaluation


class Telemetry(Protocol):
    """What the loop reports to."""

    def step(self, *, samples: int, seconds: float, waited: float) -> None:
        """One optimizer step over `samples` of all ranks took `seconds`, `waited` of them for data."""

    def train(self, *, epoch: int, step: int, loss: float, learning_rate: float) -> None:
        """The mean training loss since the last such report."""

    def evaluated(self, *, epoch: int, step: int, result: Evaluation) -> None: ...

    def saved(self, *, seconds: float) -> None:
        """A checkpoint is durable; writing it took `seconds`."""

    def close(self) -> None: ...


class Silent:
    """For the ranks that do not lead."""

    def step(self, **_: Any) -> None: ...
    def train(self, **_: Any) -> None: ...
    def evaluated(self, **_: Any) -> None: ...
    def saved(self, **_: Any) -> None: ...
    def close(self) -> None: ...


class Voice:
    """For the leading rank: passes each report on to a progress display, a file and Prometheus."""

    def __init__(self, run_dir: Path, metrics: "TrainMetrics", total_steps: int, epochs: int) -> None:
        self.metrics, self.epochs = metrics, epochs
        self.file = (run_dir / "metrics.jsonl").open("a", buffering=1)
        self.samples, self.since, self.reported = 0, time.perf_counter(), 0
        self.losses: list[tuple[float, int]] = []  # of this epoch: mean loss, over so many steps
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
            console=Console(),
            disable=not sys.stdout.isatty(),
        )
        self.task = self.bar.add_task("training", total=total_steps, loss="")
        self.bar.start()

    def step(self, *, samples: int, seconds: float, waited: float) -> None:
        self.samples += samples
        self.metrics.step(samples, seconds, waited)
        self.bar.advance(self.task)

    def train(self, *, epoch: int, step: int, loss: float, learning_rate: float) -> None:
        now = time.perf_counter()
        rate = self.samples / (now - self.since)
        self.losses.append((loss, step - self.reported))
        self.samples, self.since, self.reported = 0, now, step
        self.metrics.train(epoch, loss, learning_rate)
        self.bar.update(self.task, loss=f"loss {loss:.4f}, {rate:,.0f} samples/s")
        self._write("train", epoch=epoch, step=step, loss=loss, learning_rate=learning_rate, samples_per_second=rate)

    def evaluated(self, *, epoch: int, step: int, result: Evaluation) -> None:
        self.metrics.accuracy.set(result.accuracy)
        self._write("test", epoch=epoch, step=step, loss=result.loss, accuracy=result.accuracy)
        train_loss = sum(loss * steps for loss, steps in self.losses) / sum(steps for _, steps in self.losses)
        self.losses.clear()
        self.bar.console.print(
            f"epoch {epoch}/{self.epochs}  train loss {train_loss:.4f}  "
            f"test loss {result.loss:.4f}  test accuracy {result.accuracy:.2%}",
            highlight=False,
            soft_wrap=True,
        )
        self.since = time.perf_counter()

    def saved(self, *, seconds: float) -> None:
        self.metrics.saved(seconds)

    def close(self) -> None:
        self.bar.stop()
        self.file.close()
        self.metrics.close()

    def _write(self, kind: str, **values: float) -> None:
        self.file.write(json.dumps({"kind": kind, "time": time.time(), **values}) + "\n")


class TrainMetrics:
    """The Prometheus metrics of a run, `torchferry_train_*`, in base units."""

    def __init__(self, config: MetricsConfig, run: str, world_size: int, registry: CollectorRegistry) -> None:
        """Registers them and starts the endpoint; raises UserError if its port is taken."""
        prefix = "torchferry_train"
        self.steps = Counter(f"{prefix}_steps", "Optimizer steps taken", registry=registry)
        self.samples = Counter(f"{prefix}_samples", "Samples trained on, all ranks", registry=registry)
        self.duration = Histogram(f"{prefix}_step_duration_seconds", "Time of one optimizer step", registry=registry)
        self.data_wait = Counter(f"{prefix}_data_wait_seconds", "Time the loop waited for data", registry=registry)
        self.loss = Gauge(f"{prefix}_loss", "Mean training loss since the last report", registry=registry)
        self.learning_rate = Gauge(f"{prefix}_learning_rate", "Learning rate", registry=registry)
        self.epoch = Gauge(f"{prefix}_epoch", "Epoch in progress, from 1", registry=registry)
        self.accuracy = Gauge(f"{prefix}_eval_accuracy_ratio", "Test accuracy, 0..1", registry=registry)
        self.save_duration = Histogram(
            f"{prefix}_checkpoint_duration_seconds", "Time to write a checkpoint", registry=registry
        )
        self.last_save = Gauge(
            f"{prefix}_checkpoint_last_success_timestamp_seconds", "When a checkpoint became durable", registry=registry
        )
        Gauge(f"{prefix}_world_size", "Ranks", registry=registry).set(world_size)
        Info(f"{prefix}_run", "The run", registry=registry).info({"name": run})
        self.url, self._stop = _serve(config, registry)

    def step(self, samples: int, seconds: float, waited: float) -> None:
        self.steps.inc()
        self.samples.inc(samples)
        self.duration.observe(seconds)
        self.data_wait.inc(waited)

    def train(self, epoch: int, loss: float, learning_rate: float) -> None:
        self.epoch.set(epoch)
        self.loss.set(loss)
        self.learning_rate.set(learning_rate)

    def saved(self, seconds: float) -> None:
        self.save_duration.observe(seconds)
        self.last_save.set_to_current_time()

    def close(self) -> None:
        self._stop()


def _serve(config: MetricsConfig, registry: CollectorRegistry) -> tuple[str | None, Any]:
    if config.port is None:
        return None, lambda: None
    try:
        server, thread = start_http_server(config.port, config.host, registry)
    except OSError as error:
        raise UserError(
            f"metrics.port: cannot listen on {config.host}:{config.port} ({error.strerror}); "
            "give another with --metrics.port, 0 for a free one, null for none"
        ) from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return f"http://{config.host}:{server.server_port}/metrics", stop
