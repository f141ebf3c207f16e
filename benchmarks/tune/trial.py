"""Our servers at a point, started as a user starts them, and measured by the load generator."""

import math
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from torchferry.benchmarks.interruption import end_as
from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.benchmarks.load.measurement import Measurement
from torchferry.benchmarks.load.options import measure_closed, measure_open
from torchferry.benchmarks.load.steps import fair, holds
from torchferry.benchmarks.load.target import Asked, Target, prepare
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.ready import addresses
from torchferry.benchmarks.servers.samples import write_samples
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.benchmarks.tune.evidence import Probe
from torchferry.benchmarks.tune.point import Point
from torchferry.benchmarks.tune.race import CannotRun
from torchferry.benchmarks.tune.winner import settings_text
from torchferry.errors import ServerFault, UserError
from torchferry.serving.bundle.bundle import Bundle

WARMUP = {"onnx": 0.5, "torchserve": 6.0}  # seconds; Java compiles what has run for a while
SCREENING, ANSWERS = 1.0, 40  # seconds at the least, unless a probe is shorter; answers that are waited for
FEWEST, FIRST, MOST = 2, 4, 96  # connections; TorchServe lets 100 requests wait
REASONS = (Unavailable, UserError, ServerFault, OSError, psutil.Error)
"""Why a point cannot be measured; the others are all the same."""


class Trials:
    def __init__(self, bundle: Bundle, options: Namespace, cpus: Sequence[int], folder: Path) -> None:
        """`cpus`: cores that the servers stay on; any if it is empty. `folder` is for files."""
        self.bundle, self.options, self.cpus, self.folder = bundle, options, cpus, folder
        self.tensors, self.bodies = folder / "tensors", folder / "bodies"
        write_samples(bundle, self.tensors, self.bodies)

    @contextmanager
    def at(self, point: Point) -> Iterator["Trial"]:
        """Raises CannotRun."""
        try:
            with TemporaryDirectory(dir=self.folder, prefix="trial-", ignore_cleanup_errors=True) as made:
                folder = Path(made)
                ready, settings = folder / "ready.json", folder / "settings.toml"
                settings.write_text(settings_text(self.options.runtime, point, self.options.gateway))
                command = [sys.executable, "-m", "torchferry", "up", "--runtime", self.options.runtime]
                command += [self._served(settings, folder), "--settings", settings, "--ready-file", ready]
                for port in ("--port", "--grpc-port", "--metrics-port"):
                    command += [port, "0"]
                command += ["--admin-port", "0"] if self.options.runtime == "onnx" else []
                with process(command, folder / "log", self.cpus) as running:
                    url = running.until(lambda: addresses(ready))["rest"]
                    trial = Trial(self._target(url, point), self.options)
                    trial.warm_up()
                    yield trial
        except REASONS as error:
            raise CannotRun(" ".join(str(error).split())) from error

    def _served(self, settings: Path, folder: Path) -> Path:
        """What is given to `up`: for TorchServe archives, of which each says how it is to be served."""
        if self.options.runtime == "onnx":
            return self.bundle.root
        store = folder / "model-store"
        words = ["archive", self.bundle.root, "--settings", settings, "--output", store]
        done = subprocess.run([sys.executable, "-m", "torchferry", *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            raise Unavailable.after(done)
        return store

    def _target(self, url: str, point: Point) -> Target:
        onnx, name = self.options.runtime == "onnx", self.bundle.name
        asked = Asked(
            endpoint=parse_endpoint(url),
            model=name if onnx else f"{name}-{point.variant}",
            version="",
            input=self.tensors if onnx else self.bodies,
            batch=1,
            timeout=self.options.timeout,
        )
        return prepare("rest-binary" if onnx else "predictions", asked)


@dataclass
class Trial:
    """A server that is up."""

    target: Target
    options: Namespace
    rate: float = 0.0
    """Answers a second of the last closed loop."""

    def warm_up(self) -> None:
        self._closed(FIRST, WARMUP[self.options.runtime])

    def capacity(self) -> tuple[float, int]:
        """With twice the connections that such a rate has under way within the limit; a batch may need more of them."""
        connections = 0
        while (wanted := self._under_way()) > 1.5 * connections:
            connections = wanted
            # A large model answers few in a second.
            self._closed(connections, min(self.options.seconds, max(SCREENING, ANSWERS / max(self.rate, 1))))
        return self.rate, connections

    def probe(self, rate: float) -> Probe:
        limit = self.options.p99_ms
        result = _go_on(fair(lambda rate: measure_open(self.target, rate, self.options), limit)(rate))
        return Probe(
            rate=rate,
            holds=holds(result, limit),
            p99_ms=result.percentiles_ms["p99"],
            achieved=result.achieved_rate,
            saturated=result.saturated,
            errors=result.errors,
            void=result.void,
        )

    def _under_way(self) -> int:
        return min(MOST, max(FEWEST, math.ceil(2 * self.rate * self.options.p99_ms / 1000)))

    def _closed(self, connections: int, seconds: float) -> None:
        options = Namespace(**vars(self.options) | {"warmup": 0, "seconds": seconds})
        result = _go_on(measure_closed(self.target, connections, options))
        if result.void or not result.achieved_rate:
            raise CannotRun(f"with {connections} connections: {result.void or 'nothing was answered well'}")
        self.rate = result.achieved_rate


def _go_on(result: Measurement) -> Measurement:
    """Unless a signal ended it."""
    end_as(result.interrupted)
    return result
