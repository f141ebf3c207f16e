"""The sum over all GPUs: a wrong one fails the part, and a group of one has no rate."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.gpu.given import setting
from torchferry.benchmarks.gpu import collectives
from torchferry.benchmarks.gpu.part import Outcome
from torchferry.errors import ServerFault


def answers(monkeypatch: pytest.MonkeyPatch, **found: Any) -> None:
    """The processes give this."""
    usual = {"backend": "nccl", "nccl": "2.28.9", "right": True, "ranks": 2, "seconds": 1.0, "bytes_per_second": 3e11}

    class Launch:
        def wait(self) -> None: ...

    @contextmanager
    def torchrun(_: str, arguments: list[Any], **__: Any) -> Iterator[Launch]:
        Path(arguments[1]).write_text(json.dumps(usual | found))
        yield Launch()

    monkeypatch.setattr(collectives, "torchrun", torchrun)


def test_several_have_a_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch)
    outcome = Outcome("nccl")
    collectives.run(setting(tmp_path, "card", "card"), outcome)
    (line,) = outcome.lines
    assert (line.what, line.result) == ("all-reduce of 256 MiB over 2", "300.0 GB/s")
    assert line.note == "NCCL 2.28.9, the sum is right"


def test_one_is_a_group_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch)
    outcome = Outcome("nccl")
    collectives.run(setting(tmp_path, "card"), outcome)
    assert (outcome.lines[0].result, outcome.lines[0].note) == ("right", "NCCL 2.28.9, a group of one")


def test_a_wrong_sum_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, right=False)
    with pytest.raises(ServerFault, match=r"^NCCL 2\.28\.9: the sum over 2 processes is wrong$"):
        collectives.run(setting(tmp_path, "card", "card"), Outcome("nccl"))
