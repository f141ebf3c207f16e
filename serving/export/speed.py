"""The speed of a bare session: no server, no decoding, no other requests."""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from torchferry.serving.bundle.variant import Speed
from torchferry.serving.export.samples import Samples
from torchferry.serving.session import Session

WARMUP, CALLS, SECONDS = 3, 50, 1.0


def measure_speed(load: Callable[[], Session], samples: Samples, threads: int) -> tuple[Session, Speed]:
    """`load` gives a new session; it is returned, ready to run."""
    started = time.perf_counter()
    session = load()
    session.run(samples.repeated(1))  # what is compiled is compiled now
    loaded = time.perf_counter() - started
    # By these two the server decides whether batches are worth it.
    one, eight = (_call_ms(session, samples.repeated(size)) for size in (1, 8))
    return session, Speed(load_seconds=round(loaded, 4), batch_1_ms=one, batch_8_ms=eight, threads=threads)


def _call_ms(session: Session, inputs: dict[str, np.ndarray]) -> float:
    """The median of up to 50 calls, fewer if they take more than a second."""
    for _ in range(WARMUP):
        session.run(inputs)
    times: list[float] = []
    while len(times) < CALLS and sum(times) < SECONDS:
        started = time.perf_counter()
        session.run(inputs)
        times.append(time.perf_counter() - started)
    return round(1000 * median(times), 4)
