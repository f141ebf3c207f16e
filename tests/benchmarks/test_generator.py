"""The generator against a server whose behaviour is known, because the test itself decides it."""

import threading
import time

import numpy as np

from benchmarks.arrivals import constant, poisson
from benchmarks.generator import offer


def test_every_request_is_sent_once_and_errors_are_counted() -> None:
    calls = []

    def send() -> None:
        calls.append(time.perf_counter())
        if len(calls) % 5 == 0:
            raise ConnectionError("planted")

    load = offer(send, constant(rate=500, seconds=0.2), connections=4)
    assert len(calls) == len(load.latency) == 100
    assert np.isnan(load.latency).sum() == 20
    assert load.first_error == "ConnectionError: planted"


def test_a_stall_is_felt_by_all_requests_that_fall_into_it() -> None:
    # One request at a time; the 10th takes half a second, in which 50 more are due.
    turn, count = threading.Lock(), iter(range(10**6))

    def send() -> None:
        with turn:
            if next(count) == 10:
                time.sleep(0.5)

    load = offer(send, constant(rate=100, seconds=2), connections=8)
    assert (load.latency > 0.1).sum() >= 30
    assert load.latency.max() >= 0.49


def test_arrivals_have_the_rate_asked_for() -> None:
    times = constant(rate=50, seconds=2)
    assert len(times) == 100
    np.testing.assert_allclose(np.diff(times), 0.02)
    times = poisson(rate=1000, seconds=10)
    gaps = np.diff(times)
    assert len(times) == 10_000
    np.testing.assert_allclose([gaps.mean(), gaps.std()], 0.001, rtol=0.05)
    assert (gaps >= 0).all()
    assert (poisson(5, 1) == poisson(5, 1)).all()
