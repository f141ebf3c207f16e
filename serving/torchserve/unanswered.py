"""Requests that a running TorchServe has taken and not answered yet, in its queues and in its workers."""

import time
from collections.abc import Callable

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from torchferry.errors import ServerFault

WAITING = ("torchferry_serve_queue_depth", "torchferry_serve_in_flight")
PAUSE_SECONDS = 0.1


def unanswered(metrics: str, key: str, model: str = "", version: str = "") -> int:
    """How many, by the page at the URL `metrics`, which lets the server's `key` in; of one version of a model, if it is
    named. Raises ServerFault."""
    headers = {"Authorization": f"Bearer {key}"}
    answer = urllib3.request("GET", metrics, headers=headers, timeout=10, retries=False)
    if answer.status != 200:
        raise ServerFault(f"{metrics}: answered {answer.status}")
    lines = answer.data.decode().splitlines()
    ours = "\n".join(line for line in lines if line.startswith(WAITING))  # whatever else is on it
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(ours)
        for sample in family.samples
        if (not model or (sample.labels["model"], sample.labels["version"]) == (model, version))
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
