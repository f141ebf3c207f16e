"""No server at all: a loop that is told how long, and says what became of it."""

import io
import json
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.servers.conftest import Starts
from tests.benchmarks.servers.jobs import PIXELS, a_job
from torchferry.benchmarks.servers.bare import LOOP, Bare, ByCores, Loop
from torchferry.benchmarks.servers.peer import Job, Offered
from torchferry.benchmarks.servers.process import Process
from torchferry.benchmarks.servers.unavailable import Unavailable

SAID = {"p50_ms": 1.0, "p99_ms": 3.0, "rate": 900.0, "requests": 90}


class Talks:
    """A process that says these lines and keeps what it is told."""

    def __init__(self, *said: Any) -> None:
        self.stdin, self.stdout = io.StringIO(), io.StringIO("".join(json.dumps(line) + "\n" for line in said))

    def poll(self) -> None:
        return None


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return a_job(tmp_path)


def loop(job: Job, *said: Any) -> tuple[Loop, Talks]:
    talks = Talks({"pixels": PIXELS.tolist()}, *said)
    return Loop(Process(talks, job.folder / "log"), Bare(job)), talks


@pytest.mark.parametrize(("peer", "threads", "loops"), [(Bare, "2", "1"), (ByCores, "1", "2")])
def test_cores_go_to_the_threads_of_one_loop_or_to_a_loop_each(
    peer: Callable[[Job], Bare], threads: str, loops: str, job: Job, start_of: Starts
) -> None:
    golden = job.bundle.root / "golden" / "inputs.npz"
    words = [sys.executable, LOOP, job.model, threads, loops, job.tensors, golden]
    assert start_of(peer(job)).words == [str(word) for word in words]


def test_batching_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="a loop has one sample at a time"):
        Bare(a_job(tmp_path, max_batch=2))


def test_the_first_line_is_the_golden_outputs_in_their_dtype(job: Job) -> None:
    golden = loop(job)[0].golden["pixels"]
    assert golden.dtype == np.float32
    np.testing.assert_array_equal(golden, PIXELS)


def test_it_is_told_the_seconds_and_its_line_is_the_result(job: Job) -> None:
    running, talks = loop(job, SAID)
    assert running.closed(16, Namespace(seconds=0.5)) == Offered(p50_ms=1, p99_ms=3, rate=900, requests=90)
    assert talks.stdin.getvalue() == "0.5\n"


@pytest.mark.parametrize(("slo_ms", "rate"), [(3.0, 900.0), (2.9, 0.0)])
def test_all_of_its_rate_is_within_a_limit_that_a_call_keeps(slo_ms: float, rate: float, job: Job) -> None:
    running, _ = loop(job, SAID)
    most = running.closed(1, Namespace(seconds=1)).rate
    assert running.sustainable(most, Namespace(slo_ms=slo_ms)) == rate


def test_it_has_no_figure_at_a_fixed_rate(job: Job) -> None:
    assert loop(job)[0].opened(50, Namespace()) is None
