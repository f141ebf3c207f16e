"""TorchServe's management API, as far as we ask it: which workers a model has, and how many requests wait for them."""

from dataclasses import dataclass

import urllib3

from serving.torchserve.settings import LOOPBACK

SECONDS = 5


@dataclass(frozen=True)
class Standing:
    """Of one version of a model."""

    version: str
    workers: int
    ready: int
    """Workers that answer."""
    queued: int
    """Requests that wait for one."""


class Management:
    def __init__(self, port: int) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self.pool = urllib3.PoolManager(timeout=SECONDS, retries=False)

    def standing(self, model: str) -> list[Standing]:
        """Of each version of the model; none where it is not registered, or the server does not answer."""
        try:
            answer = self.pool.request("GET", f"{self.url}/models/{model}/all")
            return [_standing(version) for version in answer.json()] if answer.status == 200 else []
        except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError):
            return []


def _standing(described: dict) -> Standing:
    states = [worker["status"] for worker in described["workers"]]
    queued = int(described.get("jobQueueStatus", {}).get("pendingRequests", 0))
    return Standing(described["modelVersion"], len(states), states.count("READY"), queued)
