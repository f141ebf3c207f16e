"""A workload and the shared options of the training benchmarks, for their tests."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torchferry.arguments import Parser
from torchferry.benchmarks.training.workload import Workload, add_options

WORKLOAD = Workload(
    model="digits",
    processes=2,
    threads=1,
    batch_size=64,
    warmup=5,
    steps=20,
    precision="fp32",
    channels_last=False,
    compile=False,
    samples=None,
    log_every=10,
)


def workload(**changes: Any) -> Workload:
    return replace(WORKLOAD, **changes)


def options(folder: Path, words: Sequence[str] = ()) -> argparse.Namespace:
    """The shared ones. Raises UserError."""
    parser = Parser()
    add_options(parser, models="digits,resnet18", processes="1,2")
    return parser.parse_args(["--scratch", str(folder / "scratch"), *words])
