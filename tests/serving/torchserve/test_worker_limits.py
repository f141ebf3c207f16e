"""What a worker may spend, from the launcher's environment to the worker's."""

import math

from torchferry.serving.torchserve.worker_limits import WorkerLimits


def test_what_the_launcher_hands_over_is_what_a_worker_has() -> None:
    given = WorkerLimits(timeout=0.25, body_bytes=1, samples=2, pixels=4, padding=0.25, answer_bytes=3)
    assert WorkerLimits.of(given.environment()) == given


def test_without_a_launcher_there_is_torchserves_own_limit_alone() -> None:
    limits = WorkerLimits.of({})
    assert limits.timeout == math.inf
    assert limits.answer_bytes < 6_553_500
