"""The settings that both servers share, as options of the command line; each server adds its own."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from torchferry.errors import UserError
from torchferry.serving.cli.options import OptionSet, WrongOption, option
from torchferry.serving.session.padding import MOST_PADDING

HEADROOM = 64 * 1024
"""Bytes that a message of gRPC may have around a body or an answer of the most that is allowed."""


@dataclass(frozen=True, kw_only=True)
class ServerSettings(OptionSet):
    """Raises UserError, which names the option, for a value that is not valid."""

    host: str = option("127.0.0.1", "address or name to listen on; :: is all of IPv6 and IPv4")
    port: int = option(8080, "REST; 0 takes a free one")
    grpc_port: int = option(7070, "gRPC; 0 takes a free one")
    metrics_port: int = option(8082, "Prometheus; 0 takes a free one")
    ready_file: Path | None = option(None, "written, with the addresses as JSON, when every model answers", type=Path)

    skip_broken: bool = option(
        False, "serve the rest where a model cannot be loaded, and answer 503 to who asks for it"
    )

    max_queue: int = option(256, "requests that may wait for each model; more are answered 429")
    timeout: float = option(30.0, "seconds for a request, queue included")
    drain_timeout: float = option(30.0, "seconds for the requests in flight after SIGTERM")
    max_body_bytes: int = option(16 * 2**20, "bytes of a request's body")
    max_request_batch: int = option(1024, "samples in one request")
    max_request_pixels: int = option(
        256_000_000, "pixels of all pictures of a request, as their headers say; a picture may have 50,000,000"
    )
    max_padding: float = option(
        MOST_PADDING,
        "share, 0 to 1, of what is computed for a request that may be padding, where samples of unequal sizes are "
        "computed together; 0: only equal ones are",
    )
    max_connections: int = option(8192, "connections of all clients at a time")
    max_client_connections: int = option(1024, "connections of one client; more of its requests are answered 429")
    trusted_proxy: tuple[str, ...] = option(
        (),
        "address or network whose X-Forwarded-For says who the client is; may be repeated; "
        "default none, a client is who connects",
        metavar="ADDRESS",
    )

    tokens: Path | None = option(
        None, "file of bearer tokens: NAME TOKEN [REQUESTS-PER-SECOND] [admin] a line", type=Path
    )
    metrics_tokens: Path | None = option(
        None, "file of bearer tokens as --tokens, one of which the metrics port asks for", type=Path
    )
    tls_certificate: Path | None = option(None, "PEM file, read again when it changes", type=Path)
    tls_key: Path | None = option(None, "its private key, PEM", type=Path)
    access_log: Path | None = option(
        None, "file for a JSON line of each request, such as /dev/stderr; it is appended to", type=Path
    )
    access_log_share: float = option(1.0, "share of the requests in it, 0 to 1; a fault of the server is always in it")

    def __post_init__(self) -> None:
        for name in (
            "max_queue",
            "timeout",
            "drain_timeout",
            "max_body_bytes",
            "max_request_batch",
            "max_request_pixels",
            "max_connections",
            "max_client_connections",
        ):
            self.check(name, getattr(self, name) > 0, "give a number above 0")
        self.check("max_padding", 0 <= self.max_padding <= 1, "give a share, 0 to 1")
        for network in self.trusted_proxy:
            _check_network(network)
        self.check("access_log_share", 0 <= self.access_log_share <= 1, "give a share, 0 to 1")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise UserError("--tls-certificate and --tls-key: give both or none")
        if self.access_log is not None and (self.access_log.is_dir() or not self.access_log.absolute().parent.is_dir()):
            raise UserError(f"--access-log: {self.access_log} cannot be a file; give a path in a folder that exists")


def _check_network(text: str) -> None:
    """Raises WrongOption."""
    try:
        whole = ipaddress.ip_network(text, strict=False)
    except ValueError:
        whole = None
    if whole is None or "%" in text:  # which link it is of, nobody compares
        raise WrongOption("trusted_proxy", f"{text!r} is no address or network; give one, as 10.0.0.7 or 10.0.0.0/8")
    if "/" in text and ipaddress.ip_interface(text).ip != whole.network_address:
        raise WrongOption("trusted_proxy", f"{text} is an address inside a network; give {whole} for the network")
