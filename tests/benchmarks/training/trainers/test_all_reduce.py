"""One tensor added up by a group of this process."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from tests.benchmarks.training.trainers.jobs import as_one_of
from torchferry.benchmarks.training.trainers.all_reduce import main


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchrun's only process, on a CPU; the group needs no port."""
    as_one_of(1, monkeypatch)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    enter = dist.init_process_group
    given: dict[str, Any] = {"store": dist.HashStore(), "rank": 0, "world_size": 1}
    monkeypatch.setattr(dist, "init_process_group", lambda backend: enter(backend, **given))


def test_the_sum_its_rate_and_the_backend_are_written(tmp_path: Path) -> None:
    main(tmp_path / "result.json", 1024)
    found = json.loads((tmp_path / "result.json").read_text())
    assert (found["backend"], found["nccl"], found["right"], found["ranks"]) == ("gloo", "", True, 1)
    assert found["bytes_per_second"] == pytest.approx(1024 / found["seconds"])


def test_a_wrong_sum_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "all_reduce", lambda values: values.zero_())
    main(tmp_path / "result.json", 1024)
    assert json.loads((tmp_path / "result.json").read_text())["right"] is False
