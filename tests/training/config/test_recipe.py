"""Validation of recipes: each refusal names the key and the allowed values."""

from pathlib import Path
from typing import Any

import pytest

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import (
    CheckpointConfig,
    DataConfig,
    DistributedConfig,
    EarlyStoppingConfig,
    GateConfig,
    MetricsConfig,
    OptimizerConfig,
    ProfileConfig,
    Recipe,
    ScheduleConfig,
    StepConfig,
)

DIGITS = Component(name="digits")
MULTILABEL = Component(name="multilabel", args={"threshold": 0.5})


def recipe(**changes: Any) -> Recipe:
    given: dict[str, Any] = {
        "name": "digits",
        "data": DataConfig(source=DIGITS),
        "model": Component(name="digits_cnn"),
        "optimizer": OptimizerConfig(name="SGD"),
    }
    return Recipe(**given | changes)


def test_the_run_folder_is_the_name_below_runs_dir() -> None:
    assert recipe().run_dir == Path("runs/digits")
    assert recipe(name="a", runs_dir=Path("/d")).run_dir == Path("/d/a")


@pytest.mark.parametrize("name", ["a", "7b", "1e3x", "v1.2", "Digits_2-b", "e3", "a" * 100])
def test_a_name_may_have_digits_but_be_no_number(name: str) -> None:
    assert recipe(name=name).name == name


@pytest.mark.parametrize("name", ["", "7", "1.", "1.5", "1e3", "1E-3", ".a", "-a", "a/b", "a b", "é", "a\n", "a" * 101])
def test_a_name_that_is_a_number_or_a_path_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="cannot name a run folder; use 100 letters, digits"):
        recipe(name=name)


@pytest.mark.parametrize(
    ("config", "values", "words"),
    [
        (DataConfig, {"source": DIGITS, "batch_size": 0}, "data.batch_size: 0 is too small; give 1 or more"),
        (DataConfig, {"source": DIGITS, "workers": -1}, "data.workers: -1 is too small; give 0 or more"),
        (DataConfig, {"source": DIGITS, "mixup": float("nan")}, "data.mixup: nan is too small"),
        (DataConfig, {"source": DIGITS, "cutmix": -0.1}, "data.cutmix: -0.1 is too small"),
        (ScheduleConfig, {"warmup_steps": -1}, "schedule.warmup_steps: -1 is too small"),
        (StepConfig, {"accumulate": 0}, "step.accumulate: 0 is too small; give 1 or more"),
        (StepConfig, {"skip_nonfinite": -1}, "step.skip_nonfinite: -1 is too small; give 0 or more"),
        (StepConfig, {"clip_norm": float("nan")}, "step.clip_norm: nan is not above 0; null turns"),
        (StepConfig, {"ema_decay": 0.0}, "step.ema_decay: 0.0 is not between 0 and 1; null turns"),
        (DistributedConfig, {"powersgd_rank": 0}, "distributed.powersgd_rank: 0 is too small; give 1"),
        (
            DistributedConfig,
            {"static_graph": True, "find_unused_parameters": True},
            "distributed.find_unused_parameters: does not go with static_graph",
        ),
        (OptimizerConfig, {"name": "SGD", "groups": [{"lr": 0.1}]}, r"optimizer.groups\[0\].match: None is no pattern"),
        (OptimizerConfig, {"name": "SGD", "groups": [{"match": "a"}, {"match": [3]}]}, r"groups\[1\].match: \[3\] is"),
        (OptimizerConfig, {"name": "SGD", "groups": [{"match": []}]}, r"groups\[0\].match: \[\] is no pattern"),
        (OptimizerConfig, {"name": "SGD", "layer_decay": 0.0}, "optimizer.layer_decay: 0.0 is not above 0 and up to 1"),
        (OptimizerConfig, {"name": "SGD", "layer_decay": 1.5}, "optimizer.layer_decay: 1.5 is not above 0 and up to 1"),
        (DistributedConfig, {"timeout_seconds": 0}, "timeout_seconds: 0 is not between 1 and 1,000,000"),
        (DistributedConfig, {"timeout_seconds": 1_000_001}, "timeout_seconds: 1000001 is not between"),
        (EarlyStoppingConfig, {"min_gain": -1.0}, "early_stopping.min_gain: -1.0 is too small"),
        (CheckpointConfig, {"every_epochs": 0}, "checkpoint.every_epochs: 0 is too small; give 1 or more"),
        (CheckpointConfig, {"keep": 0}, "checkpoint.keep: 0 is too small; give 1 or more"),
        (MetricsConfig, {"port": -1}, "metrics.port: -1 is not a port; give 0 to 65535 or null"),
        (MetricsConfig, {"port": 65536}, "metrics.port: 65536 is not a port"),
        (MetricsConfig, {"log_every": 0}, "metrics.log_every: 0 is too small; give 1 or more"),
        (ProfileConfig, {"first_step": 0}, "profile.first_step: 0 is too small; give 1 or more"),
        (ProfileConfig, {"steps": -1}, "profile.steps: -1 is too small; give 0 or more"),
        (GateConfig, {"max_drop": -0.1}, "gate.max_drop: -0.1 is too small"),
        (GateConfig, {"min_agreement": float("nan")}, "gate.min_agreement: nan is too small"),
        (recipe, {"epochs": 0}, "^epochs: 0 is too small"),
        (recipe, {"task": "tensors"}, "^task: tensors has no targets, so nothing can be trained; it is for torchferry"),
        (recipe, {"task": "multilabe"}, "^task: there is no 'multilabe'; did you mean multilabel?"),
        (recipe, {"task": MULTILABEL}, "^task.args.threshold: unknown setting of multilabel; did you mean thresholds?"),
        (recipe, {"seed": -1}, "^seed: -1 is too small"),
        (recipe, {"seed": 2**63}, "^seed: 9223372036854775808 is too large"),
        (recipe, {"max_steps": 0}, "^max_steps: 0 is too small"),
        (recipe, {"evaluate_every_epochs": 0}, "^evaluate_every_epochs: 0 is too small"),
        (recipe, {"runs_dir": "runs"}, "runs_dir: 'runs' is not a folder's path"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_key(config: Any, values: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        config(**values)


@pytest.mark.parametrize(
    ("config", "values"),
    [
        (StepConfig, {"clip_norm": 1e-9, "ema_decay": 0.9999}),
        (DistributedConfig, {"timeout_seconds": 1}),
        (DistributedConfig, {"timeout_seconds": 1_000_000}),
        (EarlyStoppingConfig, {"patience": 1, "min_gain": 0.0}),
        (CheckpointConfig, {"every_steps": 1, "every_epochs": None, "keep": 1}),
        (MetricsConfig, {"port": 0}),
        (MetricsConfig, {"port": 65535}),
        (MetricsConfig, {"port": None}),
        (GateConfig, {"max_abs_diff": 0.0}),
        (recipe, {"seed": 2**63 - 1, "max_steps": None, "evaluate_every_epochs": None}),
    ],
)
def test_the_bounds_themselves_are_allowed(config: Any, values: dict[str, Any]) -> None:
    made = config(**values)
    assert {key: getattr(made, key) for key in values} == values


@pytest.mark.parametrize("store", ["s3://bucket", "s3://bucket/runs/", "gs://b/a/c", "file:///mnt/runs", "s3a://b"])
def test_a_store_is_the_url_of_a_folder(store: str) -> None:
    assert CheckpointConfig(store=store).store == store


@pytest.mark.parametrize("store", ["", "runs", "/mnt/runs", "s3://", "s3:///", "s3:/bucket", "S3://b", "s3://a b"])
def test_a_store_that_is_no_url_is_refused(store: str) -> None:
    with pytest.raises(UserError, match=f"checkpoint.store: '{store}' is no URL of a folder; give one such as s3://"):
        CheckpointConfig(store=store)
