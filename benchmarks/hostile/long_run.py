"""Good and bad load together for a long time: what of the honest requests failed, and what the server holds."""

import dataclasses
from argparse import Namespace
from dataclasses import asdict, dataclass
from typing import Any

from torchferry.benchmarks.hostile.attack import Counted, attacking
from torchferry.benchmarks.hostile.honest import HEAD, found, row
from torchferry.benchmarks.hostile.started import Started
from torchferry.benchmarks.hostile.vitals import Vitals
from torchferry.benchmarks.load.drift import Drift, drift, told
from torchferry.benchmarks.load.measurement import Measurement, figures
from torchferry.benchmarks.load.options import measure_open
from torchferry.benchmarks.load.watch import Watch
from torchferry.benchmarks.record import Figure

BETWEEN = 5.0  # seconds between two looks at the server, or a sixtieth of a short run
UNITS = {"p50": "ms", "p99": "ms", "memory": "MB", "files": "files", "threads": "threads"}


@dataclass(frozen=True, kw_only=True)
class LongRun:
    result: Measurement
    times: list[float]
    """Of each look at the server, in seconds."""
    seen: list[Vitals]
    counted: Counted

    @property
    def drifts(self) -> dict[str, Drift | None]:
        windows = [window for window in self.result.windows if window.p50_ms is not None and window.p99_ms is not None]
        starts, minutes = [window.start / 60 for window in windows], [at / 60 for at in self.times]
        return {
            "p50": drift(starts, [window.p50_ms or 0 for window in windows]),
            "p99": drift(starts, [window.p99_ms or 0 for window in windows]),
            "memory": drift(minutes, [one.memory_mb for one in self.seen]),
            "files": drift(minutes, [one.files for one in self.seen]),
            "threads": drift(minutes, [one.threads for one in self.seen]),
        }

    def told(self) -> str:
        drifts = [f"{name}: {told(slope, UNITS[name])}" for name, slope in self.drifts.items()]
        return "\n".join([HEAD, row("attacked", [found(self.result)]), *drifts])

    def content(self) -> dict[str, Any]:
        """As `soak` writes it, and what each attacker got."""
        return {
            "measurement": asdict(self.result),
            "drifts": {name: slope and asdict(slope) for name, slope in self.drifts.items()},
            "memory": {"seconds": self.times, "bytes": [one.memory_mb * 1e6 for one in self.seen]},
            "vitals": [asdict(one) for one in self.seen],
            "attack": self.counted,
        }

    def figures(self) -> dict[str, Figure]:
        memory = Figure(better="lower", values=[one.memory_mb for one in self.seen])
        return figures(dataclasses.replace(self.result, void=None)) | {"memory MB": memory}


def long_run(started: Started, options: Namespace) -> LongRun:
    options.seconds = 60 * options.minutes
    between = min(BETWEEN, options.seconds / 60)
    with (
        attacking(started.where, options.attacks) as counted,
        Watch(lambda: Vitals.of(started.process), between) as watch,
    ):
        result = measure_open(started.target, options.rate, options, "beside the attack")
    return LongRun(result=result, times=watch.times, seen=watch.values, counted=counted)
