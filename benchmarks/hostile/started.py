"""A server of ours with its own defaults, started on loopback to be attacked, and the honest requests to it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from torchferry.benchmarks.hostile.valid import Valid
from torchferry.benchmarks.hostile.where import Where
from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.benchmarks.load.target import Asked, Target, prepare
from torchferry.benchmarks.servers.process import Process, process
from torchferry.benchmarks.servers.ready import addresses
from torchferry.benchmarks.servers.samples import write_samples
from torchferry.serving.bundle.bundle import Bundle

RUNTIMES = {"onnx": ("--admin-port", "0"), "torchserve": ("--gateway", "nginx")}
"""Each with the options that it takes beside those of both."""


@dataclass(frozen=True, kw_only=True)
class Started:
    process: Process
    target: Target
    """What honest clients send."""
    where: Where
    """What attackers need to know."""


@contextmanager
def started(
    runtime: str, bundle: Bundle, variant: str, folder: Path, *, timeout: float, seed: int
) -> Iterator[Started]:
    """Up to the end of the block. Raises Unavailable if it does not start, and UserError."""
    ready, tensors, bodies = folder / "ready.json", folder / "tensors", folder / "bodies"
    write_samples(bundle, tensors, bodies)
    ours = runtime == "onnx"
    command = [sys.executable, "-m", "torchferry", "up", "--runtime", runtime, "--ready-file", str(ready)]
    command += [f"{bundle.root}:{variant}" if ours else str(bundle.root), *RUNTIMES[runtime]]
    for port in ("--port", "--grpc-port", "--metrics-port"):
        command += [port, "0"]
    model = bundle.name if ours else f"{bundle.name}-{variant}"
    with process(command, folder / "log") as running:
        at = running.until(lambda: addresses(ready))
        asked = Asked(
            endpoint=parse_endpoint(at["rest"]), model=model, version="", input=bodies, batch=1, timeout=timeout
        )
        rest, rpc = urlsplit(at["rest"]), urlsplit(f"//{at['grpc']}")
        assert rest.hostname
        assert rest.port
        assert rpc.port
        where = Where(host=rest.hostname, port=rest.port, grpc_port=rpc.port, valid=Valid.of(bundle, model), seed=seed)
        yield Started(process=running, target=prepare("predictions", asked), where=where)
