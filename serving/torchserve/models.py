"""The models of a running TorchServe: registered, scaled, made the default and removed."""

import shutil
import tempfile
from pathlib import Path

from torchferry.errors import ServerFault, UserError
from torchferry.serving.bundle.signature import TrustedKeys
from torchferry.serving.client import RestClient
from torchferry.serving.codec.predicted_labels import GOLDEN
from torchferry.serving.cpu import cores
from torchferry.serving.torchserve.archive import archive_version, check_archive
from torchferry.serving.torchserve.archive_signature import copy_signed
from torchferry.serving.torchserve.golden import Golden
from torchferry.serving.torchserve.load_failure import LoadFailure
from torchferry.serving.torchserve.management import Management, Standing
from torchferry.serving.torchserve.running_servers import RunningServer
from torchferry.serving.torchserve.unanswered import unanswered, wait_idle
from torchferry.serving.torchserve.worker_threads import WorkerThreads

DRAIN_SECONDS = 60


class Models:
    """Those of the server whose management API is on a port of this machine."""

    def __init__(self, port: int) -> None:
        """Raises UserError."""
        self.running = RunningServer.find(port)
        self.management = Management.through(port, self.running.key)

    def table(self) -> str:
        lines = [f"{'model':32} {'version':12} {'default':7} {'ready':>7} {'queued':>7}"]
        left_out = dict(self.running.broken)
        for model in sorted(self.management.models()):
            for found in self.management.standing(model):
                left_out.pop(f"{model}@{found.version}", None)  # it was registered since
                ready = f"{found.ready}/{found.workers}"
                default = "yes" if found.default else ""
                lines.append(f"{model:32} {found.version:12} {default:7} {ready:>7} {found.queued:7}")
        for key, reason in left_out.items():
            name, _, version = key.rpartition("@")
            lines.append(f"{name:32} {version:12} could not be loaded: {reason}")
        return "\n".join(lines)

    def register(self, archive: Path) -> None:
        """Load it and check its golden outputs; requests that name no version do not reach it yet.

        Raises UserError, and ServerFault after which nothing of it is left.
        """
        check_archive(archive)
        name, version = archive_version(archive)
        if any(found.version == version for found in self.management.standing(name)):
            raise UserError(f"{archive}: {name}@{version} is registered already; remove it first")
        file = Path(self.running.store, f"{name}@{version}.mar")
        unfinished = file.with_suffix(".unfinished")
        if self.running.trusted:
            copy_signed(archive, unfinished, TrustedKeys([Path(key) for key in self.running.trusted]))
        else:
            shutil.copyfile(archive, unfinished)
        unfinished.replace(file)
        failure = LoadFailure(Path(self.running.failures), name, version)
        failure.forget()
        try:
            self.management.register(file.name)
            self._check(file)
        except (UserError, ServerFault) as error:
            if any(found.version == version for found in self.management.standing(name)):
                self.management.unregister(name, version)
            file.unlink()
            reason = failure.reason() or error
            raise ServerFault(f"{archive}: {name}@{version} cannot be loaded: {reason}") from error
        print(f"registered {name}@{version}; it gave its golden outputs; {self._budget()}")

    def _budget(self) -> str:
        """Workers keep the threads that they began with, so that more of them may be too many."""
        found = [version for model in self.management.models() for version in self.management.standing(model)]
        return f"now {WorkerThreads(cores(), sum(version.workers for version in found), self.running.threads)}"

    def _check(self, archive: Path) -> None:
        """Raises UserError or ServerFault unless it gives its golden outputs."""
        with tempfile.TemporaryDirectory() as folder, RestClient(self.running.rest, headers={GOLDEN: "1"}) as client:
            Golden(archive, Path(folder)).check(client)

    def set_default(self, of: tuple[str, str]) -> None:
        """`of`, here and below: a model's name and version. Raises UserError."""
        model, version = of
        self.find(model, version)
        self.management.set_default(model, version)
        print(f"{model}: requests that name no version go to {version}")

    def scale(self, of: tuple[str, str], workers: int) -> None:
        """Raises UserError."""
        model, version = of
        self.find(model, version)
        if workers < 1:
            raise UserError(f"scale: {workers} workers serve nobody; give 1 or more, or remove {model}@{version}")
        self.management.scale(model, version, workers)
        print(f"{model}@{version}: {workers} workers; {self._budget()}")

    def remove(self, of: tuple[str, str]) -> None:
        """Unload it once it has nothing to answer any more. Raises UserError."""
        model, version = of
        others = [found.version for found in self.management.standing(model) if found.version != version]
        if self.find(model, version).default and others:
            raise UserError(f"{model}@{version} is the default; make {' or '.join(others)} the default first")
        if not wait_idle(lambda: unanswered(self.running.metrics, self.running.key, model, version), DRAIN_SECONDS):
            raise UserError(f"{model}@{version} still has requests after {DRAIN_SECONDS} s; it was left as it is")
        self.management.unregister(model, version)
        Path(self.running.store, f"{model}@{version}.mar").unlink(missing_ok=True)
        print(f"removed {model}@{version}")

    def find(self, model: str, version: str) -> Standing:
        """Raises UserError if it is not registered."""
        found = self.management.standing(model)
        for standing in found:
            if standing.version == version:
                return standing
        known = ", ".join(f"{model}@{standing.version}" for standing in found) or ", ".join(self.management.models())
        raise UserError(f"{model}@{version} is not registered; there is {known}")
