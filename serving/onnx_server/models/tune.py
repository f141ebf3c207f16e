"""`--tune`: sessions, threads and batch from a short measurement of the bare sessions at start."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.cpu import cores
from torchferry.serving.onnx_server.models.plan import Plan, most_together
from torchferry.serving.onnx_server.models.sessions import open_sessions
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.session import Session
from torchferry.serving.session.onnx_session import Cancellation

SECONDS = 0.2
"""For each point, and at least two calls."""
BATCHES = (1, 4, 8, 32)
SAME = 0.95
"""Rates closer than this count as equal; then the shorter call wins."""


def tuned(bundle: Bundle, variant: str, settings: Settings, cancellation: Cancellation | None = None) -> Plan:
    """The highest rate of samples that any division of the cores reaches; what is set is not varied. Prints what it
    found."""
    batches = [settings.max_batch] if settings.max_batch else BATCHES
    batches = sorted({most_together(bundle, batch) for batch in batches})
    rates: dict[Plan, float] = {}
    for sessions, threads in _divisions(settings):
        opened = open_sessions(bundle, variant, threads, sessions, settings.provider, cancellation)
        for batch in batches:
            rates[Plan(sessions, threads, batch)] = _rate(opened, _inputs(bundle, batch), batch)
        found = ", ".join(f"{rates[Plan(sessions, threads, batch)]:,.0f}/s in batches of {batch}" for batch in batches)
        print(f"tune: {bundle.name}: {sessions} x {threads} threads: {found}", flush=True)
    return best(rates)


def best(rates: Mapping[Plan, float]) -> Plan:
    """Of those about as quick as the quickest, the one that keeps a single request the least: more threads for each
    session, then smaller batches."""
    quickest = max(rates.values())
    return min((plan for plan, rate in rates.items() if rate >= SAME * quickest), key=_wait)


def _wait(plan: Plan) -> tuple[int, int]:
    return -plan.threads, plan.max_batch


def _divisions(settings: Settings) -> Iterator[tuple[int, int]]:
    """Sessions and threads that use up to all cores, by powers of two."""
    for sessions in [settings.sessions] if settings.sessions else _powers(cores()):
        for threads in [settings.threads] if settings.threads else _powers(max(1, cores() // sessions)):
            yield sessions, threads


def _powers(most: int) -> list[int]:
    return sorted({most, *(2**n for n in range(most.bit_length()) if 2**n <= most)})


def _rate(sessions: Sequence[Session], inputs: Mapping[str, np.ndarray], batch: int) -> float:
    """Samples a second of all sessions at once."""

    def count(session: Session) -> int:
        calls = 0
        while calls < 2 or time.perf_counter() < end:
            session.run(inputs)
            calls += 1
        return calls

    # The first call of a session warms it up and is not timed.
    for session in sessions:
        session.run(inputs)
    with ThreadPoolExecutor(len(sessions)) as pool:
        started = time.perf_counter()
        end = started + SECONDS
        calls = sum(pool.map(count, sessions))
        return calls * batch / (time.perf_counter() - started)


def _inputs(bundle: Bundle, batch: int) -> dict[str, np.ndarray]:
    return {name: repeated(values, batch) for name, values in bundle.golden()[0].items()}


def repeated(values: np.ndarray, count: int) -> np.ndarray:
    """`count` samples, repeated from those that are there."""
    return np.resize(values, (count, *values.shape[1:]))
