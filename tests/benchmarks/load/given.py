"""Targets, and what is asked for one, with what a test changes of them."""

from collections.abc import Sequence
from typing import Any

from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.benchmarks.load.http_probe import request_bytes
from torchferry.benchmarks.load.target import Asked, Target


def asked(url: str, *, headers: Sequence[str] = (), **changes: Any) -> Asked:
    """Of the model `planted`, for random values."""
    usual = {"model": "planted", "version": "", "input": None, "batch": 1, "timeout": 30.0}
    return Asked(endpoint=parse_endpoint(url, headers=headers), **usual | changes)


def target(url: str = "http://127.0.0.1:8080", **changes: Any) -> Target:
    """Sends the bodies a and b in turn."""
    endpoint = parse_endpoint(url)
    usual: dict[str, Any] = {
        "model": "planted",
        "protocol": "predictions",
        "method": None,
        "requests": [request_bytes(endpoint, f"/{name}", name.encode(), {}) for name in "ab"],
        "payload_bytes": 1,
        "answer_bytes": 2,
        "batch": 1,
        "server": None,
    }
    return Target(endpoint=endpoint, **usual | changes)
