"""The Prometheus metrics of a run, `torchferry_train_*`, in base units: scraped, or pushed."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from torchferry.training.config.recipe import MetricsConfig
from torchferry.training.evaluation import Evaluation
from torchferry.training.telemetry.endpoint import Endpoint
from torchferry.training.telemetry.pushgateway import pushes
from torchferry.training.telemetry.report import Report
from torchferry.training.telemetry.step_counts import StepCounts


class TrainMetrics:
    """The Prometheus metrics of a run, `torchferry_train_*`, in base units."""

    def __init__(
        self, config: MetricsConfig, run: str, world_size: int, restarts: int, registry: CollectorRegistry
    ) -> None:
        """Registers them and starts the endpoint; raises UserError for a host that is none."""
        prefix = "torchferry_train"
        self.config, self.run = config, run
        self.steps = StepCounts(prefix)
        registry.register(self.steps)
        self.step = self.steps.add
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
        self.ranks = [
            Gauge(f"{prefix}_rank_step_seconds", "Mean time of a step", ["rank"], registry=registry),
            Gauge(
                f"{prefix}_rank_data_wait_ratio", "Share of a step spent waiting for data", ["rank"], registry=registry
            ),
            Gauge(
                f"{prefix}_rank_forward_seconds",
                "Time of a forward pass, which waits for no other rank",
                ["rank"],
                registry=registry,
            ),
        ]
        self.of_rank: list[list[Gauge]] = []
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
        self.endpoint = Endpoint(config, registry)
        self.url = self.endpoint.url
        self.pushed = pushes(config.pushgateway, run, registry)

    def report(self, report: Report) -> None:
        self.epoch.set(report.epoch)
        self.loss.set(report.loss)
        self.learning_rate.set(report.learning_rate)
        for group, rate in report.learning_rates.items():
            self.group_rate.labels(group).set(rate)
        self.norm.set(report.gradient_norm)
        if skipped := report.skipped - self.skipped:
            self.nonfinite.inc(skipped)
            self.skipped = report.skipped
        if report.corrupt:
            self.corrupt.inc(report.corrupt)
        if not self.of_rank:  # once: to look a label up takes longer than to set its value
            self.of_rank = [[gauge.labels(rank) for gauge in self.ranks] for rank in range(len(report.step_seconds))]
        each = zip(self.of_rank, report.step_seconds, report.data_wait_ratio, report.forward_seconds, strict=True)
        for (step, wait, forward), step_seconds, wait_ratio, forward_seconds in each:
            step.set(step_seconds)
            wait.set(wait_ratio)
            forward.set(forward_seconds)
        self.pushed.wake()

    def evaluated(self, result: Evaluation) -> None:
        self.corrupt.inc(result.corrupt)
        if self.validates and result.split == "test":  # once, at the end
            for name, value in result.values.items():
                self.value.labels(f"test_{name}").set(value)
            return
        for name, value in result.values.items():
            self.value.labels(name).set(value)
        if "accuracy" in result.values:
            self.accuracy.set(result.values["accuracy"])
        self.pushed.wake()

    def saved(self, seconds: float) -> None:
        self.save_duration.observe(seconds)
        self.last_save.set_to_current_time()

    def save_failed(self) -> None:
        self.save_failures.inc()

    def finish(self) -> None:
        """The values are the last ones."""
        self.pushed.finish()

    def linger(self, ended: Callable[[], bool]) -> None:
        """As `Endpoint.linger`."""
        self.endpoint.linger(self.run, ended)

    def close(self) -> None:
        self.endpoint.close()
