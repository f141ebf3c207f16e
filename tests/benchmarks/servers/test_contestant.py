"""A peer in the comparison: measured after one warm-up, and missing with a reason if it fails or computes wrongly."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.servers.jobs import PIXELS, a_job
from tests.serving import tiny_tasks
from torchferry.benchmarks.servers.contestant import PEERS, Contestant, at, name_of
from torchferry.benchmarks.servers.peer import Offered

OPTIONS = {"warmup": 1.0, "seconds": 5.0, "slo_ms": None, "rates": ()}


class Fake:
    """A peer and its process that was asked so many times, of which each request costs 2 ms of processor time."""

    server, protocol, workers, threads, payload_bytes, answer_bytes = "fake 1", "rest", 1, 2, 223, 100

    def __init__(self) -> None:
        self.golden = {"pixels": PIXELS}
        self.process: Any = self
        self.asked: list[tuple[int, float, float]] = []
        self.started, self.requests = 0, 0

    def disk_bytes(self) -> int:
        return 5_000_000

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Any]:
        del folder
        self.started += 1
        yield self

    def closed(self, connections: int, options: Namespace) -> Offered:
        self.asked.append((connections, options.warmup, options.seconds))
        self.requests += 100
        return Offered(p50_ms=1.0 * connections, p99_ms=2.0 * connections, rate=50.0 * connections, requests=100)

    def opened(self, rate: float, options: Namespace) -> Offered | None:
        del options
        return Offered(p50_ms=3, p99_ms=4, rate=rate, requests=1) if rate < 100 else None

    def sustainable(self, most: float, options: Namespace) -> float:
        return most / options.slo_ms

    def cpu_seconds(self) -> float:
        return self.requests * 0.002

    def memory_bytes(self) -> int:
        return 7_000_000


@pytest.fixture
def contestant(tmp_path: Path) -> Callable[..., tuple[Contestant, Fake]]:
    def make(**options: Any) -> tuple[Contestant, Fake]:
        made, fake = Contestant("bare", a_job(tmp_path), Namespace(**OPTIONS | options)), Fake()
        assert made.failure is None
        made.peer, made.disk_bytes = fake, fake.disk_bytes()
        return made, fake

    return make


def test_figures_come_after_one_warm_up(contestant: Callable[..., tuple[Contestant, Fake]], tmp_path: Path) -> None:
    made, fake = contestant()
    found = made.measure(tmp_path)
    assert fake.asked == [(16, 0, 1), (1, 0, 5), (16, 0, 5)]
    assert found.pop("ready s") >= 0
    assert found == pytest.approx(
        {"answered/s": 800, "p50 ms": 1, "p99 ms": 2, "CPU ms": 2, "memory MB": 7, "MB on disk": 5}
    )
    assert made.about["server"] == "fake 1"


def test_a_limit_and_rates_add_figures_where_they_are_followed(
    contestant: Callable[..., tuple[Contestant, Fake]], tmp_path: Path
) -> None:
    found = contestant(slo_ms=2, rates=(50, 100))[0].measure(tmp_path)
    assert (found["within SLO/s"], found["p50 ms at 50/s"], found["p99 ms at 50/s"]) == (400, 3, 4)
    assert not {"p50 ms at 100/s", "p99 ms at 100/s"} & found.keys()


@pytest.mark.parametrize("golden", [{}, {"pixels": PIXELS + 0.02}, {"pixels": PIXELS[:1]}, {"pixels": PIXELS * np.nan}])
def test_who_computes_something_else_is_missing(
    golden: Any, contestant: Callable[..., tuple[Contestant, Fake]], tmp_path: Path
) -> None:
    made, fake = contestant()
    fake.golden = golden
    assert made.measure(tmp_path) == {"failed": 1}
    assert made.failure == "its 'pixels' for the golden inputs is not the checkpoint's"
    assert fake.asked == []


def test_objects_in_another_order_are_the_same_answer(
    contestant: Callable[..., tuple[Contestant, Fake]], tmp_path: Path
) -> None:
    made, fake = contestant()
    made.job = a_job(tmp_path / "detection", bundle=tiny_tasks.written(tmp_path, "detection"))
    _, golden = made.job.bundle.golden()
    fake.golden = {name: values[:, ::-1] if values.ndim > 1 else values for name, values in golden.items()}
    made.measure(tmp_path)
    assert made.failure is None
    fake.golden |= {"labels": fake.golden["labels"] - 1}
    made.measure(tmp_path)
    assert made.failure == "its 'labels' for the golden inputs is not the checkpoint's"


def test_who_has_failed_is_not_started_again(
    contestant: Callable[..., tuple[Contestant, Fake]], tmp_path: Path
) -> None:
    made, fake = contestant()
    fake.golden = {}
    made.measure(tmp_path)
    fake.golden = {"pixels": PIXELS}
    assert (made.measure(tmp_path), fake.started) == ({"failed": 1}, 1)


def test_one_that_cannot_be_made_is_missing_and_is_not_asked(tmp_path: Path) -> None:
    made = Contestant("bare", a_job(tmp_path, max_batch=2), Namespace(**OPTIONS))
    assert (made.name, made.failure) == (
        "bare+batch",
        "a loop has one sample at a time, and nothing that waits for others",
    )
    assert made.measure(tmp_path) == {"failed": 1}


def test_one_that_batches_has_another_name() -> None:
    assert "bare" in PEERS
    assert [name_of("bare", batching=batching) for batching in (False, True)] == ["bare", "bare+batch"]
    assert at(50.0) == ("p50 ms at 50/s", "p99 ms at 50/s")
