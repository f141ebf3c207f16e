"""`torchferry up --runtime torchserve STORE...`: start TorchServe and run it until told to stop."""

import dataclasses
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType

from torchferry.arguments import Parser
from torchferry.errors import ServerFault, UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.signature import TrustedKeys, add_trust, trusted_keys
from torchferry.serving.cli.settings_file import parse
from torchferry.serving.net.ready_file import check_ready_file, ready_file
from torchferry.serving.session.runtimes import rows_of
from torchferry.serving.torchserve.archive import archive, check_archive, check_runtime
from torchferry.serving.torchserve.archive_signature import copy_signed
from torchferry.serving.torchserve.broken import Broken
from torchferry.serving.torchserve.gateway import Before, check_gateway, gateway_before
from torchferry.serving.torchserve.grpc_services import GrpcServices
from torchferry.serving.torchserve.launcher import ServerFailed, TorchServe
from torchferry.serving.torchserve.management_proxy import managed
from torchferry.serving.torchserve.metrics_page import page_of, scrapers
from torchferry.serving.torchserve.no_gateway import NoGateway
from torchferry.serving.torchserve.readiness import Readiness
from torchferry.serving.torchserve.running_servers import RunningServer, announced
from torchferry.serving.torchserve.settings import Settings
from torchferry.serving.torchserve.unanswered import unanswered, wait_idle
from torchferry.whole_folder import make_folder


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry up --runtime torchserve", description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="bundles, .mar archives, or folders of archives")
    Settings.add_options(parser)
    add_trust(parser)
    options = parse(parser, "up", arguments, Settings)
    settings, trusted = Settings.of(options), trusted_keys(options)
    check_ready_file(settings.ready_file)
    check_gateway(settings)
    scrapers(settings).warn()
    stop, at_once = threading.Event(), threading.Event()
    server: TorchServe | None = None
    second = 0
    """The signal that ended it at once."""

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal second
        if not stop.is_set():
            stop.set()
        elif server is None:
            sys.exit(128 + number)
        else:
            second = number
            at_once.set()
            server.kill()  # whatever waits for it, be it the start, the drain or the end

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, on_signal)
    with tempfile.TemporaryDirectory(prefix="torchferry-archives-") as folder:
        broken = Broken(settings.skip_broken)
        server = TorchServe(find_archives(options.models, Path(folder), trusted, broken), settings, broken)
        gateway: Before = NoGateway()
        try:
            gateway = gateway_before(server)
            gateway.start()  # it says 503 until the server is there
            server.start(stop.is_set)
            if not stop.is_set():
                running = dataclasses.replace(server.running, trusted=_absolute(options.require_signature))
                with beside(server, running) as (ready, services):
                    gateway.open(server, services.port)
                    _announce(server)
                    _until_stopped(server, gateway, stop)
                    ready.draining = True
                    end = time.monotonic() + settings.drain_timeout
                    gateway.drain(settings.drain_timeout, at_once.is_set)
                    _drain(server, max(0.0, end - time.monotonic()), at_once)
        except ServerFailed as error:
            if not second:
                print(f"torchferry: {error}", file=sys.stderr)
                sys.exit(1)
        finally:
            gateway.stop()
            server.stop()
    if second:
        sys.exit(128 + second)


def find_archives(
    paths: Sequence[Path], folder: Path, trusted: TrustedKeys | None, broken: Broken | None = None
) -> list[Path]:
    """The archives that `paths` stand for; bundles are archived into `folder` first. What cannot be served goes to
    `broken`. Raises UserError."""
    broken = broken or Broken(skip=False)
    found: list[Path] = []
    given = [inside for path in paths for inside in _inside(path)]
    for index, path in enumerate(given):
        try:
            found += _archives_of(path, folder / str(index), trusted)
        except UserError as error:
            broken.leave_out(*(bundles.said_name(path) or (path.stem, "")), error)
    names = [path.stem for path in found]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{name}: is given more than once; serve each model from one place")
    broken.check_left(len(found))
    return found


def _inside(path: Path) -> list[Path]:
    """The archives of a folder of archives, and otherwise the path itself."""
    is_bundle = (path / "model.json").is_file()
    return (path.is_dir() and not is_bundle and sorted(path.glob("*.mar"))) or [path]


def _archives_of(path: Path, folder: Path, trusted: TrustedKeys | None) -> list[Path]:
    """Of an archive or a bundle. Raises UserError."""
    if path.suffix == ".mar" and path.is_file():
        if trusted:
            make_folder(folder)
            copy_signed(path, path := folder / path.name, trusted)
        check_archive(path)
        check_runtime(path)
        return [path]
    if (path / "model.json").is_file():
        bundle = bundles.load(path, trusted)
        for runtime in rows_of(bundle.accepted):
            if runtime.lacks:
                raise UserError(f"{path}: {runtime.lacks}")
        return archive(bundle, folder, bundle.accepted)
    raise UserError(f"{path}: is neither a bundle, nor a .mar archive, nor a folder that holds any")


@contextmanager
def beside(server: TorchServe, running: RunningServer) -> Iterator[tuple[Readiness, GrpcServices]]:
    """What this process answers itself, while the block runs: metrics, management, and, where a gateway leads there,
    gRPC that TorchServe lacks."""
    with page_of(server) as page, managed(server), announced(server.ports.management, running):
        services = GrpcServices(page.ready)
        with nullcontext() if server.settings.gateway == "none" else services.running():
            yield page.ready, services


def _absolute(paths: Sequence[Path] | None) -> list[str]:
    return [str(path.absolute()) for path in paths or ()]


def _drain(server: TorchServe, seconds: float, at_once: threading.Event) -> None:
    """Let it answer what it has, for so long at most and until a second signal: Java drops what is in flight when it is
    told to end."""
    why = "requests still came, or were not answered, within --drain-timeout"
    try:
        is_idle = wait_idle(lambda: unanswered(server.metrics_url, server.key), seconds, at_once.is_set)
    except ServerFault as error:
        is_idle, why = False, str(error)
    if not is_idle and not at_once.is_set():
        print(f"torchferry: {why}; what is in flight is dropped", file=sys.stderr)


def _announce(server: TorchServe) -> None:
    print(f"ready: {', '.join(server.models)}; {server.worker_threads}")
    print(f"  REST     {server.public['rest']}/predictions/{server.models[0]}")
    print(f"  gRPC     {server.public['grpc']}")
    print(f"  metrics  {server.metrics_url}")
    print(f"  models   torchferry models --management-port {server.ports.management} list")
    print(f"  log      {server.log}", flush=True)


def _until_stopped(server: TorchServe, gateway: Before, stop: threading.Event) -> None:
    """Return at a signal; raises ServerFailed if the server or its gateway ends by itself."""
    with ready_file(server.settings.ready_file, server.public | {"models": server.models}):
        while not stop.wait(0.5):
            server.check_running()
            gateway.check_running()
            gateway.refresh()
