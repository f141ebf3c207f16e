"""One measurement: the figures of a load, and whether they count."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from hdrh.histogram import HdrHistogram

from torchferry.benchmarks.interruption import exit_code
from torchferry.benchmarks.load.generator import Load
from torchferry.benchmarks.load.target import Target
from torchferry.benchmarks.load.window import Window, windows
from torchferry.benchmarks.load.worker import UNANSWERED
from torchferry.benchmarks.record import Figure

PERCENTILES = (50, 90, 99, 99.9)
LONGEST = 600_000_000  # microseconds
SENT, BUSY = 0.99, 0.95
LATE, LATE_MS = 0.1, 2.0  # the generator's own lag at p99: a tenth of the server's latency, or 2 ms


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Times are in milliseconds, rates in requests a second."""

    model: str
    protocol: str
    loop: str
    """open: latency counts from the intended send time. closed: from sending, which hides what queues before it."""
    offered_rate: float | None
    """None in a closed loop."""
    connections: int | None
    """None in an open loop, which opens as many as it needs."""
    achieved_rate: float
    """Good answers a second."""
    requests: int
    errors: int
    outcomes: dict[str, int]
    void: str | None
    """Why the figures do not count; None if they do."""
    saturated: bool
    """The server fell behind the offered rate: more and more requests were under way."""
    interrupted: int | None
    """The exit code that belongs to the signal which ended it early, so that the figures are partial; or None."""
    percentiles_ms: dict[str, float]
    mean_ms: float
    max_ms: float
    stages_ms: dict[str, float]
    """Mean time in each stage as the server says it, and what is left of the mean latency."""
    windows: list[Window]
    generator_lag_p99_ms: float
    generator_cpu_cores: float
    """Cores that the generator's processes computed on, of those the server may share with it."""
    payload_bytes: int
    answer_bytes: int
    batch: int
    server: str | None
    sizes: dict[str, dict[str, float]] = field(default_factory=dict)
    """Least, median, mean and most of the samples that were sent, by axis that varies."""
    padding_share: float | None = None
    """Of all that the server computed meanwhile, if it says so."""
    histogram: str
    """HdrHistogram of every good answer's latency in microseconds, compressed and encoded as its libraries read it."""


def measurement(load: Load, target: Target, rate: float | None, connections: int | None, warmup: float) -> Measurement:
    """The figures of what was due after the warm-up."""
    counted = load.intended >= warmup
    latency, lag, outcome = load.latency[counted], load.lag[counted], load.outcome[counted]
    good = latency[~np.isnan(latency)]
    histogram = _histogram(good)
    percentiles = {f"p{p}": histogram.get_value_at_percentile(p) / 1000 for p in PERCENTILES}
    names, counts = np.unique(outcome, return_counts=True)
    mean = float(good.mean()) * 1000 if len(good) else float("nan")
    lag_ms = float(np.percentile(lag, 99)) * 1000 if len(lag) else 0.0
    return Measurement(
        model=target.model,
        protocol=target.protocol,
        loop="closed" if rate is None else "open",
        offered_rate=rate,
        connections=connections if rate is None else None,
        achieved_rate=_achieved(load, warmup, closed=rate is None),
        requests=len(latency),
        errors=len(latency) - len(good),
        outcomes={load.outcomes[name]: int(count) for name, count in zip(names, counts, strict=True)},
        void=_void(load, lag, percentiles["p99"], rate),
        saturated=rate is not None and _saturated(load, rate, warmup),
        interrupted=None if load.interruption is None else exit_code(load.interruption),
        percentiles_ms=percentiles,
        mean_ms=mean,
        max_ms=float(good.max()) * 1000 if len(good) else float("nan"),
        stages_ms=_stages(load.stages, mean),
        windows=windows(load, warmup),
        generator_lag_p99_ms=lag_ms,
        generator_cpu_cores=sum(load.cpu_seconds) / load.seconds,
        payload_bytes=target.payload_bytes,
        answer_bytes=target.answer_bytes,
        batch=target.batch,
        server=target.server,
        sizes=target.sizes,
        histogram=histogram.encode().decode(),
    )


def _histogram(seconds: np.ndarray) -> HdrHistogram:
    histogram = HdrHistogram(1, LONGEST, 3)
    values, counts = np.unique(np.clip(np.rint(seconds * 1e6), 1, LONGEST).astype(np.int64), return_counts=True)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        histogram.record_value(value, count)
    return histogram


def _achieved(load: Load, warmup: float, *, closed: bool) -> float:
    """Good answers a second between the end of the warm-up and the end of sending; of a closed loop that sent nothing
    again because no answer came in time, to the last answer."""
    answered = load.intended + load.latency
    end = load.intended.max(initial=warmup)
    if closed and not ((answered > warmup) & (answered <= end)).any():
        end = np.nanmax(answered, initial=warmup)
    return float(((answered > warmup) & (answered <= end)).sum() / (end - warmup)) if end > warmup else 0.0


def _saturated(load: Load, rate: float, warmup: float) -> bool:
    """More requests are under way at the end of sending than at its beginning, by 1 % of all or by more than chance; or
    so many were that there was no connection left."""
    counted = load.intended >= warmup
    latency, due = load.latency[counted], int(counted.sum())
    first = latency[: max(1, due // 10)]
    usual = rate * float(np.nanmedian(first)) if np.isfinite(first).any() else 0.0
    unanswered = load.outcome[counted] == load.outcomes.index(UNANSWERED)
    late = load.intended[counted] + latency > load.intended.max(initial=0)
    return load.starved > 0 or bool((late | unanswered).sum() - usual > (1 - SENT) * due + 4 * np.sqrt(1 + usual))


def _void(load: Load, lag: np.ndarray, p99_ms: float, rate: float | None) -> str | None:
    if not len(lag):
        return "nothing was sent after the warm-up"
    if load.hopeless:
        return "the generator cannot send at this rate"
    if rate is None:
        return None
    # Over the last tenth: a single late one is a hiccup of the machine, not a rate that cannot be kept.
    span, behind = np.ptp(load.intended), float(np.median(lag[-max(1, len(lag) // 10) :]))
    if span and span / (span + behind) < SENT:
        return f"the generator sent only {span / (span + behind):.1%} of the rate"
    late = float(np.percentile(lag, 99)) * 1000
    if late > max(LATE_MS, LATE * p99_ms):
        return f"the generator itself was {late:.1f} ms late at p99"
    busiest = max(load.cpu_seconds) / load.seconds
    if busiest > BUSY:
        return f"a process of the generator was busy {busiest:.0%} of the time; give it more with --processes"
    return None


def with_stages(result: Measurement, stages: Mapping[str, float]) -> Measurement:
    """The same with another source of the mean milliseconds in each stage."""
    return dataclasses.replace(result, stages_ms=_stages(stages, result.mean_ms))


def figures(result: Measurement, suffix: str = "") -> dict[str, Figure]:
    """What `compare` looks at, of each window; nothing of a void run."""
    if result.void:
        return {}
    answered = [(window.requests - window.errors) / window.seconds for window in result.windows]
    p50s = [window.p50_ms for window in result.windows if window.p50_ms is not None]
    p99s = [window.p99_ms for window in result.windows if window.p99_ms is not None]
    return {
        f"p50 ms{suffix}": Figure(better="lower", values=p50s),
        f"p99 ms{suffix}": Figure(better="lower", values=p99s),
        f"answered/s{suffix}": Figure(better="higher", values=answered),
    }


def _stages(stages: Mapping[str, float], mean: float) -> dict[str, float]:
    return {**stages, "network and client": mean - sum(stages.values())} if stages else {}
