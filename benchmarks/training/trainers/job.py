"""The job of a trainer beside ours, and the parts that it trains with."""

import argparse
import importlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import TensorDataset

from torchferry.benchmarks.training.trainers.systems import SYSTEMS, Part, System
from torchferry.training.models.normalized import Normalized


@dataclass(frozen=True, kw_only=True)
class Job:
    model: str
    batch_size: int
    """Samples in one optimizer step, over all processes together."""
    warmup: int
    """Optimizer steps before the clock starts."""
    steps: int
    """Optimizer steps that are timed."""
    result: Path
    precision: str
    channels_last: bool
    compile: bool
    samples: int | None
    """Training samples, where the data are made up; None for the usual number."""

    @property
    def system(self) -> System:
        return SYSTEMS[self.model]

    @property
    def share(self) -> int:
        """Samples of one process in one step."""
        return self.batch_size // int(os.environ["WORLD_SIZE"])

    @property
    def device(self) -> torch.device:
        """A GPU for each process where the machine has as many, the CPU otherwise; as our trainer does it."""
        if torch.cuda.device_count() < int(os.environ["LOCAL_WORLD_SIZE"]):
            return torch.device("cpu")
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


def parse() -> Job:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=list(SYSTEMS), required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--warmup", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--samples", type=int)
    return Job(**vars(parser.parse_args()))


def parts(job: Job) -> tuple[nn.Module, TensorDataset]:
    """The network with fresh weights, the same in every process, and the training data."""
    source = _build(job.system.source, **({} if job.samples is None else {"samples": job.samples}))
    torch.manual_seed(0)
    network = Normalized(_build(job.system.network), source.input)
    return network.to(memory_format=job.memory_format), source.train


def optimizer(job: Job, model: nn.Module) -> torch.optim.Optimizer:
    return _build(job.system.optimizer, model.parameters())


def forever(epoch: Iterable[Any]) -> Iterator[Any]:
    """Pass after pass over the data."""
    while True:
        yield from epoch


def _build(part: Part, *given: Any, **more: Any) -> Any:
    module, _, name = part.path.rpartition(".")
    return getattr(importlib.import_module(module), name)(*given, **part.args | more)
