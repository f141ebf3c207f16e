"""The table of peers: each has the functions that a peer needs, and a job leaves batching off by default."""

import importlib
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.servers.jobs import a_job
from torchferry.benchmarks.servers.contestant import PEERS


@pytest.mark.parametrize("peer", PEERS)
def test_each_of_the_table_can_be_sized_and_served(peer: str) -> None:
    module, name = PEERS[peer].split(":")
    made = getattr(importlib.import_module(module), name)
    kind: Any = made.func if isinstance(made, partial) else made
    assert callable(kind.disk_bytes)
    assert callable(kind.serving)


def test_a_job_leaves_batching_off_unless_told(tmp_path: Path) -> None:
    assert a_job(tmp_path).max_batch == 1
