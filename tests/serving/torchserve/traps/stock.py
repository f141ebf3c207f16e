"""TorchServe as its documentation starts it: `torchserve`, archives of torch-model-archiver, and its defaults."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import urllib3
import yaml

from tests.ports import free_port
from torchferry.serving.torchserve.java import find_java
from torchferry.serving.torchserve.settings import LOOPBACK

HANDLER = Path(__file__).with_name("stock_handler.py")
COMMANDS = Path(sys.executable).parent
NOTHING: Mapping[str, Any] = {}
QUICK_START = {"disable_token_authorization": "true", "enable_model_api": "true"}
"""The two settings that its quick start has; everything else is as it comes."""


class StockFailed(Exception):
    """A test could not be set up. No AssertionError, which would pass for the trap."""


def until(condition: Callable[[], bool], seconds: float = 90) -> None:
    """`wait_until` for what a test needs before it asks its question."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise StockFailed("what the test needs did not come in time")
        time.sleep(0.05)


def stock_archive(
    name: str, graph: Path, folder: Path, model_config: Mapping[str, Any] = NOTHING, handler: str = str(HANDLER)
) -> Path:
    """A .mar as TorchServe's documentation makes one; `model_config` is its model-config.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(COMMANDS / "torch-model-archiver"), "--model-name", name, "--version", "1.0"]
    command += ["--serialized-file", str(graph), "--handler", handler, "--export-path", str(folder)]
    if model_config:
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(dict(model_config)))
        command += ["--config-file", str(folder / f"{name}.yaml")]
    # It empties a folder named after the model in the temporary one.
    done = subprocess.run(command, env=os.environ | {"TMPDIR": str(folder)}, capture_output=True, text=True)
    if done.returncode:
        raise StockFailed(done.stderr)
    return folder / f"{name}.mar"


class StockServer:
    """`torchserve --start` in a folder of its own and on free ports; otherwise the methods of `Server`."""

    def __init__(self, *archives: Path, folder: Path, settings: Mapping[str, str], temporary: Path) -> None:
        """TorchServe finds `folder`/config.properties by itself, as long as no snapshot is there."""
        ports = [free_port() for _ in range(5)]
        rest, management, metrics = (f"http://{LOOPBACK}:{port}" for port in ports[:3])
        self.addresses = {
            "rest": rest,
            "management": management,
            "metrics": f"{metrics}/metrics",
            "grpc": f"{LOOPBACK}:{ports[3]}",
            "ready": f"{rest}/ping",
            "ping": f"{rest}/ping",
        }
        written = {"inference_address": rest, "management_address": management, "metrics_address": metrics}
        written |= {"grpc_inference_port": str(ports[3]), "grpc_management_port": str(ports[4]), **settings}
        folder.mkdir(exist_ok=True)
        (folder / "config.properties").write_text("".join(f"{key}={value}\n" for key, value in written.items()))
        self.archives, self.folder, self.log = archives, folder, folder / "stock.log"
        java_home = Path(find_java()).parents[1]
        self.environment = os.environ | {"JAVA_HOME": str(java_home), "TMPDIR": str(temporary), "TEMP": str(temporary)}
        self.process = self._torchserve("--start", "--foreground", *self._models())

    def wait_ready(self) -> dict[str, str]:
        """Return its addresses when all workers of all archives are there. Raises StockFailed."""
        until(lambda: self.process.poll() is not None or self.serves())
        if self.process.poll() is not None:
            raise StockFailed(self.log.read_text())
        return self.addresses

    def says_ready(self) -> bool:
        return self._status("ready") == 200

    def serves(self) -> bool:
        return self._status("ready") > 0 and all(self._loaded(archive.stem) for archive in self.archives)

    def end(self) -> None:
        """As its documentation says."""
        self._torchserve("--stop").wait(60)

    def stop(self) -> None:
        """Java and its workers are in the launcher's process group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def lines_logged(self) -> int:
        return sum(len(file.read_bytes().splitlines()) for file in self.folder.rglob("*.log"))

    def _models(self) -> list[str]:
        store = self.folder / "store"
        store.mkdir(exist_ok=True)
        for archive in self.archives:
            (store / archive.name).symlink_to(archive)
        named = ["--models", *(archive.name for archive in self.archives)] if self.archives else []
        return ["--model-store", str(store), *named]

    def _torchserve(self, *arguments: str) -> subprocess.Popen:
        command = [str(COMMANDS / "torchserve"), *arguments]
        with self.log.open("a") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def _status(self, what: str) -> int:
        with suppress(urllib3.exceptions.HTTPError):
            return urllib3.request("GET", self.addresses[what], retries=False, timeout=5).status
        return 0

    def _loaded(self, model: str) -> bool:
        workers = urllib3.request("GET", f"{self.addresses['management']}/models/{model}").json()[0]["workers"]
        return len(workers) > 0 and all(worker["status"] == "READY" for worker in workers)
