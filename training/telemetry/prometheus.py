"""The Prometheus metrics of a run, `torchferry_train_*`, in base units, and the endpoint that serves them."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, start_http_server

from torchferry.errors import UserError
from torchferry.training.config.recipe import MetricsConfig
from torchferry.training.evaluation import Evaluation
from torchferry.training.telemetry.report import Report


class TrainMetrics:
    """The Prometheus metrics of a run, `torchferry_train_*`, in base units."""

    def __init__(
        self, config: MetricsConfig, run: str, world_size: int, restarts: int, registry: CollectorRegistry
    ) -> None:
        """Registers them and starts the endpoint; raises UserError if its port is taken."""
        prefix = "torchferry_train"
        self.config = config
        self.steps = Counter(f"{prefix}_steps", "Optimizer steps taken", registry=registry)
        self.samples = Counter(f"{prefix}_samples", "Samples trained on, all ranks", registry=registry)
        self.last_step = Gauge(
            f"{prefix}_last_step_timestamp_seconds", "When the last optimizer step was taken", registry=registry
        )
        self.duration = Histogram(f"{prefix}_step_duration_seconds", "Time of one optimizer step", registry=registry)
        self.data_wait = Counter(f"{prefix}_data_wait_seconds", "Time the loop waited for data", registry=registry)
        self.loss = Gauge(f"{prefix}_loss", "Mean training loss since the last report", registry=registry)
        self.learning_rate = Gauge(f"{prefix}_learning_rate", "Learning rate", registry=registry)
        self.group_rate = Gauge(
            f"{prefix}_group_learning_rate", "Learning rate of a parameter group", ["group"], registry=registry
        )
        self.epoch = Gauge(f"{prefix}_epoch", "Epoch in progress, from 1", registry=registry)
        self.norm = Gauge(f"{prefix}_gradient_norm", "Norm of all gradients, before clipping", registry=registry)
        self.nonfinite = Counter(
            f"{prefix}_nonfinite_steps", "Steps left out because gradients were not finite", registry=registry
        )
        self.skipped, self.validates = 0, False
        self.corrupt = Counter(f"{prefix}_corrupt_samples", "Samples that could not be read", registry=registry)
        self.accuracy = Gauge(f"{prefix}_eval_accuracy_ratio", "Accuracy when last evaluated, 0..1", registry=registry)
        self.value = Gauge(f"{prefix}_eval_value", "What the last evaluation gave", ["metric"], registry=registry)
        self.rank_step = Gauge(f"{prefix}_rank_step_seconds", "Mean time of a step", ["rank"], registry=registry)
        self.rank_wait = Gauge(
            f"{prefix}_rank_data_wait_ratio", "Share of a step spent waiting for data", ["rank"], registry=registry
        )
        self.rank_forward = Gauge(
            f"{prefix}_rank_forward_seconds",
            "Time of a forward pass, which waits for no other rank",
            ["rank"],
            registry=registry,
        )
        self.save_duration = Histogram(
            f"{prefix}_checkpoint_duration_seconds", "Time to write a checkpoint", registry=registry
        )
        self.last_save = Gauge(
            f"{prefix}_checkpoint_last_success_timestamp_seconds", "When a checkpoint became durable", registry=registry
        )
        self.save_failures = Counter(
            f"{prefix}_checkpoint_failures", "Checkpoints that could not be written", registry=registry
        )
        Counter(f"{prefix}_restarts", "Times this run was started again", registry=registry).inc(restarts)
        Gauge(f"{prefix}_world_size", "Ranks", registry=registry).set(world_size)
        started = Gauge(f"{prefix}_start_timestamp_seconds", "When this start of the run was ready", registry=registry)
        started.set_to_current_time()
        Info(f"{prefix}_run", "The run", registry=registry).info({"name": run})
        self.url, self._stop = _serve(config, registry)

    def step(self, samples: int, seconds: float, waited: float) -> None:
        self.steps.inc()
        self.last_step.set_to_current_time()
        self.samples.inc(samples)
        self.duration.observe(seconds)
        self.data_wait.inc(waited)

    def report(self, report: Report) -> None:
        self.epoch.set(report.epoch)
        self.loss.set(report.loss)
        self.learning_rate.set(report.learning_rate)
        for group, rate in report.learning_rates.items():
            self.group_rate.labels(group).set(rate)
        self.norm.set(report.gradient_norm)
        self.nonfinite.inc(report.skipped - self.skipped)
        self.skipped = report.skipped
        self.corrupt.inc(report.corrupt)
        for rank in range(len(report.step_seconds)):
            self.rank_step.labels(rank).set(report.step_seconds[rank])
            self.rank_wait.labels(rank).set(report.data_wait_ratio[rank])
            self.rank_forward.labels(rank).set(report.forward_seconds[rank])

    def evaluated(self, result: Evaluation) -> None:
        self.corrupt.inc(result.corrupt)
        self.validates |= result.split == "validation"
        if self.validates and result.split == "test":  # once, at the end
            for name, value in result.values.items():
                self.value.labels(f"test_{name}").set(value)
            return
        for name, value in result.values.items():
            self.value.labels(name).set(value)
        if "accuracy" in result.values:
            self.accuracy.set(result.values["accuracy"])

    def saved(self, seconds: float) -> None:
        self.save_duration.observe(seconds)
        self.last_save.set_to_current_time()

    def save_failed(self) -> None:
        self.save_failures.inc()

    def close(self) -> None:
        self._stop()


def _serve(config: MetricsConfig, registry: CollectorRegistry) -> tuple[str | None, Any]:
    if config.port is None:
        return None, lambda: None
    try:
        server, thread = start_http_server(config.port, config.host, registry)
    except (OSError, UnicodeError) as error:
        raise UserError(
            f"metrics.port: cannot listen on {config.host}:{config.port} ({error}); "
            "give another with --metrics.port, 0 for a free one, null for none"
        ) from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return f"http://{config.host}:{server.server_port}/metrics", stop
