"""Servers of which every rate is known, for the strategy that knows no server."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path

from torchferry.benchmarks import record
from torchferry.benchmarks.tune.evidence import Evidence, Probe
from torchferry.benchmarks.tune.point import Point
from torchferry.benchmarks.tune.race import CannotRun
from torchferry.benchmarks.tune.search import Search
from torchferry.benchmarks.tune.space import delays
from torchferry.benchmarks.tune.tune_command import Tuned, results

LIMIT = 50.0


POINT = Point(variant="onnx-fp32", workers=2, threads=1, batch=8, delay_ms=2.0)


STARTING, SCREENING, PROBING = 1.5, 2.0, 6.0  # seconds of a real server

SIZES = {"tokens": {"least": 8.0, "median": 40.0, "mean": 50.0, "most": 128.0}}


def space(names: tuple[str, ...] = ("fp32", "int8")) -> list[Point]:
    """Of two cores, in an order that means nothing."""
    return [
        Point(variant=name, workers=workers, threads=threads, batch=batch, delay_ms=delay)
        for name, (workers, threads), batch in product(names, [(1, 1), (1, 2), (2, 1)], (1, 4, 8, 32))
        for delay in delays("onnx", batch, LIMIT)
    ]


class Landscape:
    """Servers of which each point's highest rate is known; time is what real ones would have taken."""

    def __init__(self, rate: Callable[[Point], float], under_way: int = 96) -> None:
        self.rate, self.under_way = rate, under_way
        self.seconds, self.probes = 0.0, 0
        self.point = POINT

    @contextmanager
    def at(self, point: Point) -> Iterator["Landscape"]:
        self.seconds += STARTING
        self.point = point
        if not self.rate(point):
            raise CannotRun("it does not start")
        yield self

    def capacity(self) -> tuple[float, int]:
        self.seconds += SCREENING
        return 1.15 * self.rate(replace(self.point, delay_ms=0)), self.under_way

    def probe(self, rate: float) -> Probe:
        self.seconds += PROBING
        self.probes += 1
        over = rate / self.rate(self.point)
        holds, saturated = over <= 1, over > 1.15
        return Probe(
            rate=rate,
            holds=holds,
            p99_ms=LIMIT * over**4,
            achieved=rate / max(1, over),
            saturated=saturated,
            errors=0,
            void=None,
        )


def searched(landscape: Landscape, points: list[Point], *, exhaustive: bool = False) -> Search:
    search = Search(landscape, Evidence(points, lambda _: None), LIMIT, 0.05)
    search.exhaustive() if exhaustive else search.tune()
    return search


def of_cores(point: Point) -> float:
    """A small model: a second session helps, a second thread hinders, batches and int8 help, a delay costs."""
    cores = {(1, 1): 1.0, (1, 2): 0.8, (2, 1): 1.7}[point.workers, point.threads]
    batch = {1: 1.0, 4: 1.8, 8: 2.2, 32: 2.4}[point.batch]
    return 1000 * cores * batch * (1.6 if point.variant == "int8" else 1) * (1 - point.delay_ms / 60)


def of_one_call(point: Point) -> float:
    """A large model: nothing but both cores at work matters, and large batches come too late."""
    cores = {(1, 1): 0.55, (1, 2): 1.0, (2, 1): 1.06}[point.workers, point.threads]
    late = {1: 1.0, 4: 0.97, 8: 0.8, 32: 0.8}[point.batch]
    return 50 * cores * late * (0.9 if point.variant == "int8" else 1) * (1 - point.delay_ms / 25)


def of_a_delay(point: Point) -> float:
    """As TorchServe can be: batches are worth nothing until requests wait for each other."""
    gathered = 1 + 0.04 * point.delay_ms if point.batch > 1 else 1
    return of_cores(replace(point, delay_ms=0)) * gathered


def of_no_difference(point: Point) -> float:
    return 700 + len(str(point)) % 7


def a_tune(folder: Path, interrupted: int | None = None) -> Path:
    """A result of the strategy on a known landscape, as the command writes it."""
    search = searched(Landscape(of_a_delay), space())
    options = Namespace(p99_ms=LIMIT, runtime="onnx", grid=False, bundle=Path("runs/digits/bundle"))
    options.output = output = folder / "tune.json"
    record.write("tune", options, results(search, Tuned("digits", SIZES), 2, options, interrupted), {})
    return output
