"""A torchrun that is under way: its workers by rank, and how its failure is told."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import psutil
import pytest

from torchferry.benchmarks.training.torchrun import LINES_SHOWN, Launch
from torchferry.errors import ServerFault


class Worker:
    def __init__(self, rank: str | None, *, gone: bool = False) -> None:
        self.rank, self.gone = rank, gone

    def environ(self) -> dict[str, str]:
        if self.gone:
            raise psutil.NoSuchProcess(1)
        return {} if self.rank is None else {"RANK": self.rank}


class Started:
    """As much of a process as is looked at."""

    def __init__(self, returncode: int, workers: Sequence[Worker] = ()) -> None:
        self.returncode, self.workers = returncode, workers

    def wait(self) -> int:
        return self.returncode

    def children(self) -> Sequence[Worker]:
        return self.workers


def launch(process: Started, log: Path) -> Launch:
    return Launch("ours", cast(psutil.Popen, process), log)


def test_workers_are_in_the_order_of_their_ranks(tmp_path: Path) -> None:
    ten, two, zero = (Worker(rank) for rank in ("10", "2", "0"))
    others = [Worker(None), Worker("1", gone=True)]
    found: list[object] = [*launch(Started(0, [ten, *others, two, zero]), tmp_path / "log").workers()]
    assert found == [zero, two, ten]


def test_what_ends_well_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    launch(Started(0), tmp_path / "log").wait()
    assert capsys.readouterr() == ("", "")


def test_a_failure_shows_the_end_of_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"line {number}" for number in range(100)]
    (tmp_path / "log").write_bytes("\n".join(lines).encode() + b" \xff")
    with pytest.raises(ServerFault, match=r"^ours ended with exit code 3; the end of what it said is above$"):
        launch(Started(3), tmp_path / "log").wait()
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == LINES_SHOWN
    assert (shown[0], shown[-1]) == ("line 60", "line 99 \N{REPLACEMENT CHARACTER}")
