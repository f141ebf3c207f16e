"""The grid: every point that is worth a thought."""

from collections.abc import Iterator, Sequence
from itertools import product

from torchferry.benchmarks.tune.point import Point
from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.session.runtimes import FIRST, served_by

BATCHES = (1, 4, 8, 32)
SHORT_DELAY_MS, DELAY_SHARE = 2, 0.1  # the second of the limit: what is spent on waiting is gone for computing


def variants(bundle: Bundle, runtime: str, asked: str | None) -> list[str]:
    """The accepted ones that the runtime serves. Raises UserError for another one that is asked for."""
    known = served_by(runtime, bundle.accepted)
    wanted = list(dict.fromkeys(asked.split(","))) if asked else known
    if unknown := [name for name in wanted if name not in known]:
        raise UserError(
            f"--variants: {bundle.root} has no accepted '{unknown[0]}' for {runtime}, only {', '.join(known) or 'none'}"
        )
    if not wanted:
        raise UserError(f"{bundle.root}: has no accepted variant for {runtime}; export one with --variants {FIRST}")
    return wanted


def grid(bundle: Bundle, runtime: str, names: Sequence[str], cores: int, p99_ms: float) -> list[Point]:
    batched = all(spec.shape[:1] == (-1,) for spec in (*bundle.inputs, *bundle.outputs))
    return [
        Point(variant=name, workers=workers, threads=threads, batch=batch, delay_ms=delay_ms)
        for name, (workers, threads), batch in product(names, divisions(runtime, cores), BATCHES if batched else (1,))
        for delay_ms in delays(runtime, batch, p99_ms)
    ]


def divisions(runtime: str, cores: int) -> Iterator[tuple[int, int]]:
    """Workers and the threads of each."""
    counts = sorted({2**power for power in range(cores.bit_length()) if 2**power <= cores} | {cores})
    if runtime == "torchserve":
        yield from ((workers, cores // workers) for workers in counts)
        return
    yield from ((sessions, threads) for sessions in counts for threads in counts if sessions * threads <= cores)


def delays(runtime: str, batch: int, p99_ms: float) -> list[float]:
    """A batch of one has nobody to wait for. TorchServe knows whole milliseconds only, and no wait of none."""
    if batch == 1:
        return [0]
    share = p99_ms * DELAY_SHARE
    if runtime == "torchserve":
        return sorted({float(max(1, round(delay))) for delay in (1, SHORT_DELAY_MS, share)})
    return sorted({0, SHORT_DELAY_MS, share})
