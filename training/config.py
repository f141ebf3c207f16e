"""Recipes: dataclasses filled by jsonargparse from YAML, `--key.sub value` and TORCHFERRY_* variables.

Nothing here imports torch, so a wrong recipe is refused before anything slow happens.
"""

import dataclasses
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import jsonargparse
import yaml

from training.component import Component
from training.errors import UserError

jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Left out: what YAML would read as a number when it is told to run the resolved recipe again.
NUMBER = re.compile(r"[0-9]+([.][0-9]*)?(e[0-9-]+)?", re.IGNORECASE)


@dataclass(kw_only=True)
class DataConfig:
    source: Component
    """Where samples come from; see training/data."""
    batch_size: int = 64
    """Samples in one optimizer step, over all ranks together."""
    workers: int = 0
    """Loader processes of each rank; 0 loads in the training process."""

    def __post_init__(self) -> None:
        _at_least("data.batch_size", self.batch_size, 1)
        _at_least("data.workers", self.workers, 0)


@dataclass(kw_only=True)
class ScheduleConfig:
    name: Literal["constant", "cosine"] = "cosine"
    """How the learning rate goes on after the warm-up; cosine falls towards zero."""
    warmup_steps: int = 0
    """Optimizer steps over which the learning rate rises linearly, from 1 / warmup_steps of it to all."""

    def __post_init__(self) -> None:
        _at_least("schedule.warmup_steps", self.warmup_steps, 0)


@dataclass(kw_only=True)
class CheckpointConfig:
    every_epochs: int = 1
    """Save after each so many epochs, and always after the last."""
    keep: int = 2
    """How many of the newest checkpoints stay; the best one stays as well."""

    def __post_init__(self) -> None:
        _at_least("checkpoint.every_epochs", self.every_epochs, 1)
        _at_least("checkpoint.keep", self.keep, 1)


@dataclass(kw_only=True)
class MetricsConfig:
    host: str = "127.0.0.1"
    """Address the Prometheus endpoint listens on; 0.0.0.0 lets other machines scrape it."""
    port: int | None = 9400
    """Its port; 0 takes a free one, null turns the endpoint off."""
    log_every: int = 10
    """Optimizer steps between two lines in metrics.jsonl."""

    def __post_init__(self) -> None:
        if self.port is not None and not 0 <= self.port <= 65535:
            raise UserError(f"metrics.port: {self.port} is not a port; give 0 to 65535 or null")
        _at_least("metrics.log_every", self.log_every, 1)


@dataclass(kw_only=True)
class Recipe:
    """Everything that decides a run; `config.yaml` in the run folder is one of these, resolved."""

    name: str
    """The run's name, and its folder below runs_dir."""
    runs_dir: Path = Path("runs")
    """Folder that holds the run folders."""
    seed: int = 0
    """Decides initial weights, dropout and the order of samples."""
    epochs: int = 1
    """Passes over the training data."""
    data: DataConfig
    model: Component
    loss: Component = field(default_factory=lambda: Component(name="cross_entropy"))
    optimizer: Component
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)

    def __post_init__(self) -> None:
        if not RUN_NAME.fullmatch(self.name) or NUMBER.fullmatch(self.name):
            allowed = "100 letters, digits, '.', '_' and '-' at the most, and no number"
            raise UserError(f"name: '{self.name}' cannot name a run folder; use {allowed}")
        if not isinstance(self.runs_dir, Path) or "\0" in str(self.runs_dir):
            raise UserError(f"runs_dir: {self.runs_dir!r} is not a folder's path")
        _at_least("epochs", self.epochs, 1)
        _at_least("seed", self.seed, 0)
        if self.seed >= 2**63:
            raise UserError(f"seed: {self.seed} is too large; give less than 2 to the power of 63")

    @property
    def run_dir(self) -> Path:
        return self.runs_dir / self.name


def parse(arguments: Sequence[str]) -> Recipe:
    """The recipe that the command line asks for; raises UserError with one line."""
    parser = jsonargparse.ArgumentParser(
        prog="torchrun -m training", exit_on_error=False, default_env=True, env_prefix="TORCHFERRY"
    )
    parser.add_argument("--config", action="config", help="A recipe; options after it override its keys.")
    parser.add_class_arguments(Recipe)
    try:
        values = parser.instantiate(parser.parse_args(list(arguments))).as_dict()
    except UserError:
        raise
    except (jsonargparse.ArgumentError, ValueError, TypeError, OSError, RecursionError) as error:
        raise UserError(_one_line(str(error), parser)) from error
    values.pop("config")
    return Recipe(**values)


def to_yaml(recipe: Recipe) -> str:
    """The resolved recipe as text that `--config` takes again."""
    return yaml.safe_dump(dataclasses.asdict(recipe) | {"runs_dir": str(recipe.runs_dir)}, sort_keys=False)


def _one_line(message: str, parser: jsonargparse.ArgumentParser) -> str:
    """jsonargparse's words on one line, with the nearest key that exists when a key does not."""
    line = " ".join(message.split())
    unknown = re.search(r"unrecognized arguments: --([\w.-]+)|Option '([\w.-]+)' is not accepted", line)
    if not unknown:
        return line
    keys = [option.removeprefix("--") for option in parser._option_string_actions if option.startswith("--")]
    nearest = difflib.get_close_matches(unknown[1] or unknown[2], keys, n=1)
    return f"{line}; " + (f"did you mean {nearest[0]}?" if nearest else "--help lists every key")


def _at_least(key: str, value: int, least: int) -> None:
    if value < least:
        raise UserError(f"{key}: {value} is too small; give {least} or more")
