"""An open-loop load generator: requests go out at their set times, however slow the answers are.

A request's latency counts from the time it was meant to be sent, so a stall of the server is felt by every
request that fell into it, as it is by users (coordinated omission is what hides this elsewhere).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Load:
    """What happened to every request, in the order in which they were meant to be sent."""

    latency: np.ndarray
    """Seconds from the intended send time to the whole answer, float64; NaN for an error."""
    lag: np.ndarray
    """Seconds by which the generator itself was late to send, float64."""
    seconds: float
    """From the start to the last answer."""
    cpu_seconds: float
    """What this process computed meanwhile."""
    first_error: str | None


def offer(send: Callable[[], object], arrivals: np.ndarray, connections: int) -> Load:
    """Call `send` at each of `arrivals` (seconds from now, rising), from `connections` threads.

    `send` is one request and its answer; an exception of it counts as an error.
    """
    latency, lag = np.full(len(arrivals), np.nan), np.zeros(len(arrivals))
    errors: list[str] = []
    turn, lock = iter(range(len(arrivals))), threading.Lock()
    cpu, start = time.process_time(), time.perf_counter() + 0.05

    def work() -> None:
        while True:
            with lock:
                index = next(turn, None)
            if index is None:
                return
            intended = start + arrivals[index]
            if (wait := intended - time.perf_counter()) > 0:
                time.sleep(wait)
            lag[index] = time.perf_counter() - intended
            try:
                send()
                latency[index] = time.perf_counter() - intended
            except Exception as error:  # every kind of failure is one request lost
                errors.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(
        latency=latency,
        lag=lag,
        seconds=time.perf_counter() - start,
        cpu_seconds=time.process_time() - cpu,
        first_error=errors[0] if errors else None,
    )
