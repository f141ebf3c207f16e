"""One question, asked of a server of ours and of a stock one."""

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import psutil
import urllib3

from tests.server import Server
from tests.serving.torchserve.traps.stock import NOTHING, QUICK_START, StockFailed, StockServer, stock_archive, until
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.torchserve.archive import Serving, archive
from torchferry.serving.torchserve.settings import LOOPBACK

MODEL = "digits-onnx-fp32"
ONE_WORKER = {"minWorkers": 1, "maxWorkers": 1}
NOT_ANSWERED = 0
Test = TypeVar("Test", bound=Callable[..., None])
TRAPS: dict[str, str] = {}
"""What stock TorchServe does instead, by the tests' names."""


def images(count: int) -> bytes:
    return json.dumps({"instances": np.zeros((count, 1, 8, 8), int).tolist()}).encode()


IMAGE = images(1)


def trap(what_stock_does: str) -> Callable[[Test], Test]:
    """A test of both sides, of which an assertion has to fail with stock TorchServe: see `side` and `trapped`."""

    def keep(test: Test) -> Test:
        TRAPS[test.__qualname__] = what_stock_does
        return test

    return keep


class OurServer(Server):
    """With the methods of a stock one."""

    addresses: dict[str, str]
    behind_nginx = False

    def wait_ready(self) -> dict[str, str]:
        self.addresses = super().wait_ready()
        rest, page = self.addresses["rest"], self.addresses["metrics"].removesuffix("/metrics")
        self.addresses["ready"] = f"{rest if self.behind_nginx else page}/readyz"
        self.addresses["ping"] = f"{rest}/ping"
        return self.addresses

    def says_ready(self) -> bool:
        return self.ready_file.exists()

    serves = says_ready

    def end(self) -> None:
        self.process.terminate()

    def lines_logged(self) -> int:
        """Its own lines, of which one says where TorchServe's are."""
        own = self.log.read_text()
        [inner] = re.findall(r"^  log +(.+)$", own, re.MULTILINE)
        return own.count("\n") + Path(inner).read_bytes().count(b"\n")


AnyServer = OurServer | StockServer


class Start:
    """Makes archives and starts servers of one side, and stops them."""

    def __init__(self, side: str, folder: Path) -> None:
        self.side, self.folder, self.started = side, folder, list[AnyServer]()

    def archive(self, bundle: Path, stock: Mapping[str, Any] = NOTHING, how: Serving | None = None) -> Path:
        """Of the bundle's ONNX graph; `how` is ours, and `stock` the other side's model-config.yaml, if it has one."""
        store = self._new_folder("store")
        if self.side == "ours":
            return archive(bundles.load(bundle), store, ["onnx-fp32"], how)[0]
        return stock_archive(MODEL, graph_of(bundle), store, stock)

    def __call__(
        self,
        *archives: Path,
        options: Sequence[object] = (),
        settings: Mapping[str, str] = QUICK_START,
        folder: Path | None = None,
        beside: AnyServer | None = None,
        python: str | None = None,
    ) -> AnyServer:
        """With `options` and `python` if it is ours, or `settings` if it is stock; `beside` another, on one machine."""
        folder = folder or self._new_folder("server")
        server: AnyServer
        if self.side == "ours":
            models = archives or (self._new_folder("empty"),)
            server = OurServer(*models, folder=folder, options=options, python=python)
            server.behind_nginx = "nginx" in options
        else:
            temporary = beside.log.parent if beside else folder
            server = StockServer(*archives, folder=folder, settings=settings, temporary=temporary)
        self.started.append(server)
        return server

    def ready(self, *archives: Path, **how: Any) -> AnyServer:
        server = self(*archives, **how)
        server.wait_ready()
        return server

    def stop(self) -> None:
        for server in self.started:
            server.stop()

    def _new_folder(self, name: str) -> Path:
        folder = self.folder / f"{name}-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        return folder


def graph_of(bundle: Path) -> Path:
    return bundle / "variants" / "onnx-fp32" / "model.onnx"


def ask(server: AnyServer, body: bytes = IMAGE, model: str = MODEL, patience: float = 60) -> tuple[int, Mapping]:
    """Status and headers."""
    url = f"{server.addresses['rest']}/predictions/{model}"
    try:
        answer = urllib3.request("POST", url, body=body, retries=False, timeout=patience)
    except urllib3.exceptions.HTTPError:
        return NOT_ANSWERED, {}
    return answer.status, answer.headers


def ask_at_once(server: AnyServer, *bodies: bytes, patience: float = 60) -> list[int]:
    with ThreadPoolExecutor(len(bodies)) as threads:
        return [status for status, _ in threads.map(lambda body: ask(server, body, patience=patience), bodies)]


def get(server: AnyServer, what: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    with suppress(urllib3.exceptions.HTTPError):
        answer = urllib3.request("GET", server.addresses[what], headers=dict(headers or {}), retries=False, timeout=30)
        return answer.status, answer.data.decode()
    return NOT_ANSWERED, ""


def described(server: AnyServer) -> dict[str, Any]:
    """The model, as the management API has it."""
    return dict(urllib3.request("GET", f"{server.addresses['management']}/models/{MODEL}").json()[0])


def workers_of(server: AnyServer) -> list[psutil.Process]:
    """Once all that TorchServe tells of run: for a while it tells of one that was killed."""
    found: list[psutil.Process] = []

    def run() -> bool:
        with suppress(psutil.NoSuchProcess):
            found[:] = [psutil.Process(worker["pid"]) for worker in described(server)["workers"]]
            return True
        return False

    until(run)
    if not found:
        raise StockFailed("there is no worker")
    return found


@contextmanager
def hanging(server: AnyServer) -> Iterator[list[psutil.Process]]:
    """The workers, which compute nothing for a while."""
    workers = workers_of(server)
    for worker in workers:
        worker.suspend()
    try:
        yield workers
    finally:
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.resume()


def ready_workers(server: AnyServer) -> int:
    return sum(worker["status"] == "READY" for worker in described(server)["workers"])


def refuses(server: AnyServer) -> bool:
    """Whether nobody listens for clients any more."""
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, urlsplit(server.addresses["rest"]).port)) != 0


def has_ended(server: AnyServer) -> bool:
    return server.process.poll() is not None


def told(server: AnyServer) -> str:
    """What a client learns: the status and, if there is one, when to ask again."""
    status, headers = ask(server)
    return f"{status}, again {headers['Retry-After']}" if "Retry-After" in headers else str(status)


def computing_threads(worker: psutil.Process, before: Mapping[int, float]) -> int:
    """Those that took a good part of the processor's time that the worker took since `before`."""
    times = {thread: now - before.get(thread, 0) for thread, now in seconds_of_threads(worker).items()}
    return sum(seconds > 0.2 * sum(times.values()) for seconds in times.values())


def seconds_of_threads(worker: psutil.Process) -> dict[int, float]:
    return {thread.id: thread.user_time for thread in worker.threads()}
