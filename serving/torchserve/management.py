"""TorchServe's management API: the versions of each model, their workers, and which one is asked by default."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import urllib3

from torchferry.errors import ServerFault, UserError
from torchferry.serving.net.addresses import authority
from torchferry.serving.torchserve.settings import LOOPBACK
from torchferry.serving.unix_http import UnixPool

LOAD_SECONDS = 180
"""For what waits until workers are there; the rest answers at once."""
SECONDS = urllib3.Timeout(connect=5, read=LOAD_SECONDS)


@dataclass(frozen=True)
class Standing:
    """Of one version of a model."""

    version: str
    default: bool
    """Whether requests that name no version go to it."""
    workers: int
    ready: int
    """Workers that answer."""
    queued: int
    """Requests that wait for one."""


class Management:
    def __init__(self, where: str, pool: urllib3.HTTPConnectionPool, headers: Mapping[str, str]) -> None:
        self.where, self.pool, self.headers = where, pool, headers

    @classmethod
    def through(cls, port: int, key: str) -> Self:
        """By way of the port that is for everybody on this machine."""
        pool = urllib3.HTTPConnectionPool(LOOPBACK, port, timeout=SECONDS, retries=False)
        return cls(
            f"http://{authority(LOOPBACK, port)}",
            pool,
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )

    @classmethod
    def at(cls, socket: Path) -> Self:
        """TorchServe's own."""
        return cls(str(socket), management_pool(socket), {})

    def models(self, seconds: float | None = None) -> list[str]:
        """The names of what is registered, or UserError if nobody says so within `seconds`."""
        return [entry["modelName"] for entry in self._ask("GET", "/models?limit=1000", seconds)["models"]]

    def standing(self, model: str) -> list[Standing]:
        """Of each version of the model; none where it is not registered, or the server does not answer."""
        try:
            default = self._ask("GET", f"/models/{quote(model)}")[0]["modelVersion"]
            return [_standing(version, default) for version in self._ask("GET", f"/models/{quote(model)}/all")]
        except (UserError, ServerFault):
            return []

    def register(self, file: str) -> None:
        """Load an archive of the server's store; returns when its workers are there."""
        self._ask("POST", f"/models?url={quote(file, safe='')}&synchronous=true")

    def set_default(self, model: str, version: str) -> None:
        self._ask("PUT", f"/models/{quote(model)}/{quote(version)}/set-default")

    def scale(self, model: str, version: str, workers: int) -> None:
        """Returns when so many workers are there."""
        query = f"min_worker={workers}&max_worker={workers}&synchronous=true"
        self._ask("PUT", f"/models/{quote(model)}/{quote(version)}?{query}")

    def unregister(self, model: str, version: str) -> None:
        self._ask("DELETE", f"/models/{quote(model)}/{quote(version)}")

    def _ask(self, method: str, path: str, seconds: float | None = None) -> Any:
        """The answer's JSON. Raises UserError if nobody answers or the call was wrong, ServerFault otherwise."""
        try:
            answer = self.pool.request(method, path, headers=self.headers, timeout=seconds or SECONDS)
            content = answer.json()
        except urllib3.exceptions.HTTPError as error:
            reason = type(error).__name__
            raise UserError(f"{self.where}: no answer ({reason}); is a TorchServe of ours up there?") from error
        except ValueError as error:
            raise ServerFault(f"{self.where}: answered {answer.status} without JSON; is it TorchServe?") from error
        if answer.status < 300:
            return content
        text = f"{self.where}: {content.get('message') or content.get('detail', 'it gave no reason')}"
        raise UserError(text) if answer.status < 500 else ServerFault(text)


def management_pool(socket: Path) -> UnixPool:
    return UnixPool(str(socket), timeout=SECONDS, retries=False)


def _standing(described: dict, default: str) -> Standing:
    states = [worker["status"] for worker in described["workers"]]
    queued = int(described.get("jobQueueStatus", {}).get("pendingRequests", 0))
    version = described["modelVersion"]
    return Standing(version, version == default, len(states), states.count("READY"), queued)
