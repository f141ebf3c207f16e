"""The recipe: dataclasses, checked when they are made; cli.py fills them.

Nothing here imports torch, so a wrong recipe is refused before anything slow happens.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torchferry.contract.tasks.find import kind_of, made
from torchferry.errors import UserError
from torchferry.training.config.address import check_address
from torchferry.training.config.instantiate import Component

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Left out: what YAML would read as a number when it is told to run the resolved recipe again.
NUMBER = re.compile(r"[0-9]+([.][0-9]*)?(e[0-9-]+)?", re.IGNORECASE)

FORMER_LIMITS = {"max_accuracy_drop": "max_drop", "min_top1_agreement": "min_agreement"}
"""Keys of `gate` from when every score was an accuracy, as run folders of that time have them."""
FOLD = re.compile(r"[1-9]\d{0,2}/[1-9]\d{0,2}")
STORE_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s]*[^\s/]/*")


@dataclass(kw_only=True)
class DataConfig:
    source: Component
    """Where samples come from; see training/data."""
    batch_size: int = 64
    """Samples in one optimizer step, over all ranks and accumulated batches together."""
    workers: int = 0
    """Loader processes of each rank; 0 loads in the training process."""
    augment: list[Component] = field(default_factory=list)
    """What is done to training images, in this order: horizontal_flip, random_crop, rotation, or the import
    path of any transform of one image, such as torchvision.transforms.v2.ColorJitter."""
    mixup: float = 0.0
    """alpha of the Beta distribution that blends two samples (arXiv:1710.09412); 0 is off."""
    cutmix: float = 0.0
    """alpha for pasting a box of one image into another (arXiv:1905.04899); 0 is off."""
    sampling: str | list[float] = "uniform"
    """uniform trains on each sample once in an epoch; balanced draws all classes equally often, with replacement; a
    list says how often a sample of each class is drawn, against each other."""
    buckets: bool | int = False
    """Batches of samples of like length, so that little is padding: true sorts the samples of 50 batches at a time by
    their length and cuts them into batches, a number those of so many."""
    validation_fraction: float = 0.0
    """Share of the training samples that is held apart for the evaluations while training goes on: it decides what the
    best checkpoint is and when to stop early, and the test set is evaluated once, at the end. 0 takes the test set."""
    on_corrupt: Literal["error", "skip"] = "error"
    """Whether a sample that cannot be read ends the run, or is counted, named and replaced by the one after it."""
    device_resident: bool = False
    """Keep a data set that lies in memory on the training device, and augment it there."""

    def __post_init__(self) -> None:
        _at_least("data.batch_size", self.batch_size, 1)
        _at_least("data.workers", self.workers, 0)
        _at_least("data.mixup", self.mixup, 0)
        _at_least("data.cutmix", self.cutmix, 0)
        if isinstance(self.sampling, str) and self.sampling not in ("uniform", "balanced"):
            raise UserError(f"data.sampling: '{self.sampling}' is not uniform, balanced or a list of numbers")
        _at_least("data.buckets", self.buckets, 0)
        if not 0 <= self.validation_fraction < 1:
            raise UserError(f"data.validation_fraction: {self.validation_fraction} is not 0 or more and below 1")


@dataclass(kw_only=True)
class WeightsConfig:
    source: str
    """A file of safetensors or torch.save, an index of shards as Hugging Face has it, or the name of torchvision's,
    such as ResNet18_Weights.DEFAULT."""
    skip: list[str] = field(default_factory=list)
    """Beginnings of the parameters that stay as the model made them, such as a new head: [fc.]."""
    key: str | None = None
    """Where in the file its state_dict lies, such as state_dict or ema, if more than one would fit; a moving average
    is taken only if it is named here or alone."""
    prefix: str | None = None
    """Take only what begins so, without that beginning, such as backbone.; what all names share is taken off anyway."""


@dataclass(kw_only=True)
class OptimizerConfig:
    name: str
    """A class of torch.optim, or an import path."""
    args: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments for it."""
    groups: list[dict[str, Any]] = field(default_factory=list)
    """Parameters with other arguments: {match: "fc.*", lr: 0.01}. match is a pattern over their names, or a list of
    them, where * stands for dots too; the first group that matches a parameter has it."""
    no_decay_on_norms_and_biases: bool = False
    """No weight decay for biases and whatever else has fewer than two dimensions, and for LayerNorm and RMSNorm; a
    group that gives a weight_decay keeps it."""
    layer_decay: float | None = None
    """The learning rate times this for each part of the network between a parameter's own and the last. The parts are
    the children at the network's top, as they were registered; an only child is looked into, and parameters beside
    children count with the first. Of a ResNet, fc has all of the rate, layer4 0.75 of it with 0.75, and so on."""

    def __post_init__(self) -> None:
        for number, group in enumerate(self.groups):
            match = group.get("match")
            patterns = [match] if isinstance(match, str) else match
            if not isinstance(patterns, list) or not patterns or not all(isinstance(each, str) for each in patterns):
                raise UserError(
                    f"optimizer.groups[{number}].match: {match} is no pattern like fc.*, nor a list of them"
                )
        if self.layer_decay is not None and not 0 < self.layer_decay <= 1:
            raise UserError(f"optimizer.layer_decay: {self.layer_decay} is not above 0 and up to 1; null turns it off")

    @property
    def divides(self) -> bool:
        """Whether it tells parameters apart."""
        return bool(self.groups) or self.no_decay_on_norms_and_biases or self.layer_decay is not None


@dataclass(kw_only=True)
class ScheduleConfig:
    name: str = "cosine"
    """constant, cosine, linear, step or triangular, or the name of any class in torch.optim.lr_scheduler."""
    warmup_steps: int = 0
    """Optimizer steps over which the learning rate rises linearly, from 1 / warmup_steps of it to all."""
    every: Literal["step", "epoch"] = "step"
    """When a class of torch.optim.lr_scheduler moves on."""
    args: dict[str, Any] = field(default_factory=dict)
    """cosine, linear: end; step: milestones (shares of the run, 0..1), gamma; triangular: peak; or the class's own.
    With groups of the optimizer, one max_lr or base_lr belongs to optimizer.args.lr, and each group has its share."""

    def __post_init__(self) -> None:
        _at_least("schedule.warmup_steps", self.warmup_steps, 0)


@dataclass(kw_only=True)
class StepConfig:
    accumulate: int = 1
    """Batches of each rank whose gradients are summed into one optimizer step."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """bf16 and fp16 compute the forward pass under autocast; fp16 scales the loss."""
    matmul_precision: Literal["highest", "high", "medium"] = "highest"
    """torch.set_float32_matmul_precision; high lets a GPU use TF32 for fp32 matrices."""
    clip_norm: float | None = None
    """Largest norm of all gradients together."""
    ema_decay: float | None = None
    """Keep a moving average of the weights, w <- decay * w + (1 - decay) * new, and evaluate and save that."""
    skip_nonfinite: int = 0
    """Leave out steps whose gradients are not finite, and stop after so many in a row; 0 leaves out none. With fp16
    give 20 or more, because the loss scale is found by such steps."""
    channels_last: bool = False
    """Lay images out channels last, which tensor cores prefer."""
    compile: bool = False
    """torch.compile the network."""
    keep_freed_memory: bool = True
    """On CPUs with glibc: up to 1 GiB that tensors give back stays with the process, which else fetches it from the
    system again in each step. MALLOC_TRIM_THRESHOLD_ and the like in the environment count more."""

    def __post_init__(self) -> None:
        _at_least("step.accumulate", self.accumulate, 1)
        _at_least("step.skip_nonfinite", self.skip_nonfinite, 0)
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise UserError(f"step.clip_norm: {self.clip_norm} is not above 0; null turns clipping off")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise UserError(f"step.ema_decay: {self.ema_decay} is not between 0 and 1; null turns the average off")


@dataclass(kw_only=True)
class DistributedConfig:
    static_graph: bool = False
    """Promise DDP that every step uses the same parameters in the same order."""
    comm_hook: Literal["none", "fp16", "bf16", "powersgd"] = "none"
    """How gradients are compressed on their way between ranks."""
    powersgd_rank: int = 1
    """Rank of PowerSGD's approximation (arXiv:1905.13727)."""
    sync_batchnorm: bool = False
    """BatchNorm over the whole batch instead of each rank's share; on GPUs."""
    find_unused_parameters: bool = False
    """Let DDP look in each step for parameters that took no part, such as those of a branch that depends on the data;
    costs a walk through the graph."""
    timeout_seconds: int = 600
    """How long a rank waits for another before it gives up."""

    def __post_init__(self) -> None:
        _at_least("distributed.powersgd_rank", self.powersgd_rank, 1)
        if self.static_graph and self.find_unused_parameters:
            raise UserError(
                "distributed.find_unused_parameters: does not go with static_graph, which promises that every step "
                "uses the same parameters; set one of them to false"
            )
        if not 1 <= self.timeout_seconds <= 1_000_000:
            raise UserError(f"distributed.timeout_seconds: {self.timeout_seconds} is not between 1 and 1,000,000")


@dataclass(kw_only=True)
class EarlyStoppingConfig:
    patience: int | None = None
    """Evaluations without a better score after which the run ends; null never ends it early."""
    min_gain: float = 0.0
    """A score has to be better by more than this to count."""

    def __post_init__(self) -> None:
        if self.patience is not None:
            _at_least("early_stopping.patience", self.patience, 1)
        _at_least("early_stopping.min_gain", self.min_gain, 0)


@dataclass(kw_only=True)
class CheckpointConfig:
    every_steps: int | None = None
    """Save after each so many optimizer steps."""
    every_epochs: int | None = 1
    """Save after each so many epochs; always after the last."""
    keep: int = 2
    """How many of the newest checkpoints stay while training goes on; the best one stays as well."""
    keep_finished: Literal["last", "best", "all"] | None = None
    """Which of them stay once the run is finished: last, from which more epochs go on; best, that and the best one; or
    all. null is best where the best is exported and last otherwise, but all where keep asks for more than 2."""
    asynchronous: bool = True
    """Write while training goes on; one save at a time."""
    store: str | None = None
    """Keep checkpoints and results below this URL as well, such as s3://bucket/runs; runs_dir may then be another
    folder on each node. With more than one node they are kept there alone."""
    on_save_error: Literal["stop", "continue"] = "stop"
    """What a checkpoint that cannot be written does to the run."""
    export: Literal["last", "best"] = "last"
    """Whose weights go to model/: those after the last epoch, or those with the best score."""

    def __post_init__(self) -> None:
        for key in ("every_steps", "every_epochs"):
            if (value := getattr(self, key)) is not None:
                _at_least(f"checkpoint.{key}", value, 1)
        _at_least("checkpoint.keep", self.keep, 1)
        if self.store is not None and not STORE_URL.fullmatch(self.store):
            raise UserError(
                f"checkpoint.store: '{self.store}' is no URL of a folder; give one such as s3://bucket/runs"
            )


@dataclass(kw_only=True)
class MetricsConfig:
    host: str = "127.0.0.1"
    """Address the Prometheus endpoint listens on; 0.0.0.0 lets other machines scrape it, :: over IPv6 too."""
    port: int | None = 9400
    """Its port; 0 takes a free one, as does one that is in use; null turns the endpoint off."""
    token_file: str | None = None
    """File that holds a token and nothing else, which a scraper has to send as Authorization: Bearer TOKEN (Prometheus:
    authorization.credentials_file); it is read again at each scrape. null asks for none."""
    linger_seconds: float | None = None
    """How long the endpoint stays after a run's end, at the most, for the last values to be scraped: it goes after the
    next scrape, or at once at a signal; 0 does not wait. null waits up to 60 s where somebody has scraped this run;
    where nobody has, until it has been up for 60 s, but not on a loopback address nor on a terminal."""
    pushgateway: str | None = None
    """Push the metrics to this Pushgateway as well, such as http://pushgateway:9091, as job torchferry and the run's
    name. A user and password in it, http://user:password@host, are not written to the run folder."""
    log_every: int = 50
    """Optimizer steps between two reports; the end of an epoch makes one too."""
    tensorboard: bool = True
    """Write TensorBoard's events beside metrics.jsonl."""
    sample_log: bool = False
    """Write which samples each step used, one file for each rank."""

    def __post_init__(self) -> None:
        if self.port is not None and not 0 <= self.port <= 65535:
            raise UserError(f"metrics.port: {self.port} is not a port; give 0 to 65535 or null")
        if self.linger_seconds is not None and not 0 <= self.linger_seconds <= 86_400:
            raise UserError(f"metrics.linger_seconds: {self.linger_seconds} is not between 0 and 86,400, a day")
        if self.pushgateway is not None:
            check_address("metrics.pushgateway", self.pushgateway)
        _at_least("metrics.log_every", self.log_every, 1)


@dataclass(kw_only=True)
class ProfileConfig:
    first_step: int = 1
    """The first optimizer step that is traced, counted from 1."""
    steps: int = 0
    """How many are traced into trace-<rank>.json, for chrome://tracing or Perfetto; 0 traces none."""

    def __post_init__(self) -> None:
        _at_least("profile.first_step", self.first_step, 1)
        _at_least("profile.steps", self.steps, 0)


@dataclass(kw_only=True)
class GateConfig:
    """What `torchferry export` asks of a variant that may be served; null leaves it to its kind."""

    max_abs_diff: float | None = None
    """Largest difference of any output to the checkpoint's."""
    max_relative_error: float | None = None
    """Euclidean norm of all differences over that of the checkpoint's outputs."""
    max_drop: float | None = None
    """The checkpoint's score minus the variant's, in points of the task's headline, such as 0.005 of accuracy."""
    min_agreement: float | None = None
    """How far answers must mean what the checkpoint's do, 0..1, as the task says: of classes the share of samples with
    the same one."""
    max_changed_share: float | None = None
    """Share of an output of whole numbers that are neither the checkpoint's nor near ties, 0..1."""

    def __post_init__(self) -> None:
        for key, value in vars(self).items():
            if value is not None:
                _at_least(f"gate.{key}", value, 0)


@dataclass(kw_only=True)
class Recipe:
    """Everything that decides a run; `config.yaml` in the run folder is one of these, resolved."""

    name: str
    """The run's name, and its folder below runs_dir."""
    runs_dir: Path = Path("runs")
    """Folder that holds the run folders."""
    resume: str = "auto"
    """auto goes on with what the run folder holds; none refuses a folder that exists; or a checkpoint's path
    or URL."""
    dry_run: bool = False
    """Build everything, run one step and write nothing."""
    seed: int = 0
    """Decides initial weights, dropout, augmentation and the order of samples."""
    deterministic: bool = False
    """Only algorithms that give the same bits each time; slower on GPUs."""
    epochs: int = 1
    """Passes over the training data."""
    max_steps: int | None = None
    """End after so many optimizer steps, if the epochs are not over before."""
    evaluate_every_epochs: int | None = 1
    """Evaluate after each so many epochs, and always after the last."""
    fold: str | None = None
    """2/5 trains without the second of five parts of the training samples and takes it as the test set; five such runs
    are a cross-validation. The source's own test set stays untouched."""
    task: str | Component = "classification"
    """What the outputs mean, and so what targets data.source gives: classification, binary, regression, multilabel, or
    an import path; {name, args} where it has settings."""
    data: DataConfig
    model: Component
    weights: WeightsConfig | None = None
    """Weights to start from instead of random ones."""
    freeze: list[str] = field(default_factory=list)
    """Patterns of parameters that stay as they are: conv1.*, layer*.bn*.weight; * stands for dots too. BatchNorm whose
    parameters are all frozen stays in evaluation mode, so that its statistics stay as well."""
    loss: Component | None = None
    """cross_entropy, nll, bce_with_logits, mse, l1, huber or an import path; the task's own if null."""
    optimizer: OptimizerConfig
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    step: StepConfig = field(default_factory=StepConfig)
    distributed: DistributedConfig = field(default_factory=DistributedConfig)
    early_stopping: EarlyStoppingConfig = field(default_factory=EarlyStoppingConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    profile: ProfileConfig = field(default_factory=ProfileConfig)
    gate: GateConfig = field(default_factory=GateConfig)

    def __post_init__(self) -> None:
        if not RUN_NAME.fullmatch(self.name) or NUMBER.fullmatch(self.name):
            allowed = "100 letters, digits, '.', '_' and '-' at the most, and no number"
            raise UserError(f"name: '{self.name}' cannot name a run folder; use {allowed}")
        if not isinstance(self.runs_dir, Path) or "\0" in str(self.runs_dir):
            raise UserError(f"runs_dir: {self.runs_dir!r} is not a folder's path")
        _at_least("epochs", self.epochs, 1)
        _at_least("seed", self.seed, 0)
        for key in ("max_steps", "evaluate_every_epochs"):
            if (value := getattr(self, key)) is not None:
                _at_least(key, value, 1)
        if self.fold is not None:
            number, _, folds = self.fold.partition("/")
            if not (FOLD.fullmatch(self.fold) and int(number) <= int(folds) >= 2):
                raise UserError(f"fold: '{self.fold}' is no fold; give one such as 2/5, the second of five")
        if self.seed >= 2**63:
            raise UserError(f"seed: {self.seed} is too large; give less than 2 to the power of 63")
        if not (kind := kind_of(self.task_component.name)).headline:
            raise UserError(
                f"task: {self.task_component.name} has no targets, so nothing can be trained; it is for torchferry "
                "export --model"
            )
        made(kind, self.task_component.args, ())

    @property
    def task_component(self) -> Component:
        """Name and settings."""
        return self.task if isinstance(self.task, Component) else Component(name=self.task)

    @property
    def run_dir(self) -> Path:
        return self.runs_dir / self.name


def _at_least(key: str, value: float, least: float) -> None:
    if not value >= least:  # so that NaN is refused as well
        raise UserError(f"{key}: {value} is too small; give {least} or more")
