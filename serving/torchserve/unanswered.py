"""Requests that a running TorchServe has taken and not answered yet, in its queues and in its workers."""

import re
import time
from collections.abc import Callable

import urllib3

WAITING = re.compile(
    r'^torchferry_serve_(?:queue_depth|in_flight)\{model="(?P<model>.+)",version="(?P<version>.+)"\} (?P<count>.+)$',
    re.MULTILINE,
)
PAUSE_SECONDS = 0.1


def unanswered(metrics: str, model: str = "", version: str = "") -> int:
    """How many, by the page at the URL `metrics`; of one version of a model, if it is named."""
    page = urllib3.request("GET", metrics, timeout=10, retries=False).data.decode()
    return sum(
        int(float(found["count"]))
        for found in WAITING.finditer(page)
        if not model or (found["model"], found["version"]) == (model, version)
    )


def wait_idle(count: Callable[[], int], seconds: float, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Wait until `count()` is 0, at most `seconds` and until `stopped()`; whether it is."""
    deadline, idle = time.monotonic() + seconds, 0
    while not stopped() and time.monotonic() < deadline:
        # Twice: a request on its way from the queue to a worker is in neither for a moment.
        idle = 0 if count() else idle + 1
        if idle == 2:
            return True
        time.sleep(PAUSE_SECONDS)
    return False
