"""A server of ours as users start it: `torchferry up`."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.forks import ROOT, warm_python
from tests.ports import free_port
from tests.running import starts
from tests.waiting import wait_until


class Server:
    """One on ports of its own, whose log and ready file lie in `folder`."""

    def __init__(
        self,
        *models: object,
        folder: Path,
        runtime: str = "torchserve",
        options: Sequence[object] = (),
        python: str | None = None,
    ) -> None:
        """TorchServe and its workers run in a warm Python, unless `python` says another; ours imports no torch."""
        python = python or (sys.executable if runtime == "onnx" else warm_python())
        self.ready_file, self.log = folder / "ready.json", folder / "up.log"
        command = ["-m", "torchferry", "up", "--runtime", runtime, *map(str, models), *map(str, options)]
        command += ["--ready-file", str(self.ready_file)]
        for name in ("--port", "--grpc-port", "--metrics-port"):
            # Ours listens on a free port as soon as it has found one; TorchServe only seconds later.
            command += [name, "0" if runtime == "onnx" else str(free_port())]
        if runtime == "onnx":
            command += ["--admin-port", "0"]
        elif "--gateway" not in options:
            command += ["--gateway", "none"]
        starts("server", command)
        with self.log.open("w") as log:
            self.process = subprocess.Popen([python, *command], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)

    def wait_ready(self) -> dict[str, str]:
        """Its addresses: `rest`, `grpc`, `metrics` and, of ours, `admin`."""
        wait_until(lambda: self.ready_file.exists() or self.process.poll() is not None, 180)
        assert self.ready_file.exists(), self.log.read_text()
        return dict(json.loads(self.ready_file.read_text()))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
