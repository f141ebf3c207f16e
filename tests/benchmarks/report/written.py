"""Files as each verb of benchmarks writes them."""

from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram

from tests.benchmarks.tune.landscape import a_tune
from torchferry.benchmarks import record
from torchferry.benchmarks.interval import Interval, median_interval
from torchferry.benchmarks.load.drift import Drift
from torchferry.benchmarks.load.measurement import Measurement, figures
from torchferry.benchmarks.load.window import Window
from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.slo import Sustainable
from torchferry.benchmarks.verdict import Verdict

SLOWER = 1.8  # from one rate to the next


def measurement(rate: float | None, **changes: Any) -> Measurement:
    """Of a server that gets slower with the rate: a long-tailed distribution, and half of the mean in inference."""
    spread = np.random.default_rng(3).gamma(2, 400, size=2000) * (1 + (rate or 50) / 200)
    histogram = HdrHistogram(1, 600_000_000, 3)
    for value in spread:
        histogram.record_value(int(value) + 200)
    percentiles = {f"p{p}": histogram.get_value_at_percentile(p) / 1000 for p in (50, 90, 99, 99.9)}
    mean = float(spread.mean()) / 1000
    window = Window(start=0, seconds=1, requests=50, errors=0, p50_ms=percentiles["p50"], p99_ms=percentiles["p99"])
    found = Measurement(
        model="digits",
        protocol="rest-binary",
        loop="closed" if rate is None else "open",
        offered_rate=rate,
        connections=4 if rate is None else None,
        achieved_rate=rate or 321.0,
        requests=2000,
        errors=0,
        outcomes={"ok": 2000},
        void=None,
        saturated=False,
        interrupted=None,
        percentiles_ms=percentiles,
        mean_ms=mean,
        max_ms=float(spread.max()) / 1000,
        stages_ms={"queue": mean / 8, "inference": mean / 2, "network and client": mean * 3 / 8},
        windows=[replace(window, start=float(at)) for at in range(20)],
        generator_lag_p99_ms=0.1,
        generator_cpu_cores=0.2,
        payload_bytes=223,
        answer_bytes=100,
        batch=1,
        server="torchferry 0.1.0",
        histogram=histogram.encode().decode(),
    )
    return replace(found, **changes)


def written(folder: Path, verb: str, results: object, found: dict[str, Figure], name: str = "", **given: Any) -> Path:
    path = folder / f"{name or verb}.json"
    record.write(verb, Namespace(output=path, **given), results, found)
    return path


def a_sweep(folder: Path, name: str = "sweep", **changes: Any) -> Path:
    loads = [measurement(50.0 * SLOWER**step, **changes) for step in range(5)]
    loads[3] = replace(loads[3], void="the generator itself was 9.0 ms late at p99")
    loads[4] = replace(loads[4], saturated=True, errors=12, outcomes={"ok": 1988, "HTTP 503": 12})
    found = {key: value for load in loads for key, value in figures(load, f" at {load.offered_rate:g}/s").items()}
    return written(folder, "sweep", [asdict(load) for load in loads], found, name)


def a_soak(folder: Path) -> Path:
    growing = Drift(first=100.0, last=160.0, per_hour=360.0, low=350.0, high=370.0)
    content = {
        "measurement": asdict(measurement(100)),
        "drifts": {"p50": None, "memory": asdict(growing)},
        "memory": {"seconds": [0.0, 5.0, 10.0], "bytes": [1e8, 1.3e8, 1.6e8]},
    }
    return written(folder, "soak", content, figures(measurement(100)))


def a_servers(folder: Path, name: str = "servers", server: str = "ours", **given: Any) -> Path:
    rounds = [{"p50 ms": 1.0, "p99 ms": 2.0, "answered/s": 900.0}, {"p50 ms": 1.2, "p99 ms": 2.5, "answered/s": 800.0}]
    medians = {key: asdict(median_interval([row[key] for row in rounds])) for key in rounds[0]}
    about = {"server": "x 1", "protocol": "rest-binary", "workers": 1, "threads": 1, "payload_bytes": 223}
    ratio = {"ours": {key: asdict(Interval(median=1.25, low=1.125, high=1.5)) for key in ("p50 ms", "answered/s")}}
    rows = [
        {"name": server, **about, "figures": medians, "to": {}, "rounds": rounds},
        {"name": "bare", **about, "protocol": "none", "figures": medians, "to": ratio, "rounds": rounds},
    ]
    results = {
        "model": "digits",
        "measured": rows,
        "missing": {"triton": "no wheel for this machine"},
        "interrupted": None,
    }
    arguments = {"bundle": Path("runs/digits/bundle"), "variant": "onnx-fp32"} | given
    return written(folder, "servers", results, {}, name, **arguments)


def everything(folder: Path) -> list[Path]:
    """A file of each verb."""
    probes = [[asdict(measurement(rate)) for rate in (50, 100, 75)]] * 2
    slo = Sustainable(p99_ms=50, rate=median_interval([74.0, 76.0]), repeats=[74.0, 76.0], probes=[], interrupted=None)
    verdict = Verdict(
        says="slower", pairs=7, ratio=Interval(median=1.5, low=1.25, high=2.0), confidence=0.995, worse_by=0.5
    )
    rates = {
        f"digits x {n}, {who}, samples/s": Figure(better="higher", values=[5000.0 * n, 5100.0 * n, 4900.0 * n])
        for n in (1, 2)
        for who in ("ours", "bare")
    }
    return [
        a_sweep(folder),
        a_sweep(folder, "other", server="torchserve 0.12.0", protocol="predictions"),
        a_sweep(folder, "again"),
        written(folder, "latency", asdict(measurement(None, model="closed")), {}),
        written(folder, "slo", asdict(slo) | {"probes": probes}, {}),
        a_soak(folder),
        a_servers(folder),
        a_tune(folder),
        *(written(folder, verb, [], rates) for verb in ("training", "scaling", "checkpoint")),
        written(folder, "compare", {"p50 ms": asdict(verdict)}, {}),
    ]
