"""The HTTP endpoint that Prometheus scrapes: on a port that is free, until the last values were fetched."""

import errno
import ipaddress
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server

from torchferry.errors import UserError
from torchferry.training.config.recipe import MetricsConfig
from torchferry.training.telemetry.scrape_token import ScrapeToken

LINGER_SECONDS = 60.0
"""Prometheus's own default between two scrapes."""
LOOK_SECONDS = 0.1
IDLE_SECONDS = 10.0
"""For a client to send the next of its request."""
LOCALHOST = ("127.0.0.1", "::1")
Serving = tuple[Any, threading.Thread]


class Endpoint:
    def __init__(self, config: MetricsConfig, registry: CollectorRegistry) -> None:
        """Raises UserError for a host or token that is none; a port that cannot be had is said, and ends no run."""
        self.config, self.began = config, time.monotonic()
        self.token = ScrapeToken(config.token_file)
        self.scraped, self.complete, self.fetched = False, False, threading.Event()
        self.url = None
        self.serving = [] if config.port is None else _serve(config, registry)
        """Servers and their threads, one for each address of the host."""
        for server, _ in self.serving:
            server.set_app(self._watched(server.get_app()))
            host = f"[{config.host}]" if ":" in config.host else config.host
            self.url = f"http://{host}:{server.server_port}/metrics"

    def linger(self, name: str, ended: Callable[[], bool]) -> None:
        """Stay until the values as they are now were scraped, `stay` is over or `ended` says so."""
        self.complete = True
        if not (seconds := self._stay()):
            return
        print(f"{name}: metrics stay on {self.url} until they are scraped, {seconds:.0f} s at the most", flush=True)
        until = time.monotonic() + seconds
        while not ended() and time.monotonic() < until and not self.fetched.wait(LOOK_SECONDS):
            pass

    def close(self) -> None:
        _end(self.serving)

    def _stay(self) -> float:
        if not self.serving:
            return 0.0
        return stay(
            self.config.linger_seconds,
            up=time.monotonic() - self.began,
            scraped=self.scraped,
            local=ipaddress.ip_address(self.serving[0][0].server_address[0]).is_loopback,
            terminal=sys.stdout is not None and sys.stdout.isatty(),
        )

    def _watched(self, app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """The same for who has the token, taking note of scrapes; a health check asks with OPTIONS, and is none."""

        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            complete = self.complete  # before the values are read
            if environ["REQUEST_METHOD"] != "OPTIONS" and not self.token.lets_in(environ.get("HTTP_AUTHORIZATION", "")):
                start_response("401 Unauthorized", [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")])
                return [b"send the token of metrics.token_file as Authorization: Bearer TOKEN\n"]
            body = app(environ, start_response)
            if environ["REQUEST_METHOD"] != "GET" or environ["PATH_INFO"] == "/favicon.ico":
                return body
            self.scraped = True
            return _Answer(body, self.fetched.set) if complete else body

        return answer


class _Answer:
    """A body that says when all of it was sent."""

    def __init__(self, body: Iterable[bytes], sent: Callable[[], None]) -> None:
        self.body, self.close = body, sent  # a WSGI server calls `close` after the last byte

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.body)


def stay(given: float | None, *, up: float, scraped: bool, local: bool, terminal: bool) -> float:
    """How many seconds an endpoint that has been `up` waits for a last scrape, at the most.

    A number that was given holds anywhere. Otherwise it waits where that helps and costs nobody: a scraper that has
    come before comes again; where none has, one may come from elsewhere until it has been up for its interval.
    """
    if given is not None:
        return given
    if scraped:
        return LINGER_SECONDS
    return 0.0 if local or terminal else max(0.0, LINGER_SECONDS - up)


def _serve(config: MetricsConfig, registry: CollectorRegistry) -> list[Serving]:
    """On the port that was asked for, else on a free one, else nowhere, with a line."""
    host, port = config.host, config.port
    _check_host(host)
    try:
        return _start(port, host, registry)  # type: ignore[arg-type]  # there is a port
    except OSError as error:
        taken = f"torchferry: metrics.port: cannot listen on {host}:{port} ({error.strerror})"
    try:
        serving = _start(0, host, registry)
    except OSError:
        print(f"{taken}, nor on any other port; nobody can scrape this run", file=sys.stderr, flush=True)
        return []
    print(f"{taken}; metrics are on port {serving[0][0].server_port} instead", file=sys.stderr, flush=True)
    return serving


def _start(port: int, host: str, registry: CollectorRegistry) -> list[Serving]:
    """On each address of localhost that this machine has, as the servers do, or on the one of another host. Raises
    OSError."""
    started: list[Serving] = []
    failed = None
    for address in LOCALHOST if host == "localhost" else (host,):
        try:
            started.append(start_http_server(port, address, registry))
            _be_patient(started[-1][0])
            port = started[0][0].server_port
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                _end(started)
                raise
            failed = error
    if failed and not started:
        raise failed
    return started


def _be_patient(server: Any) -> None:
    """A client that sends nothing holds no thread for ever, and one that goes away leaves no traceback behind."""
    handle_error = server.handle_error

    def handle_bug(request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            handle_error(request, client_address)

    server.handle_error = handle_bug
    server.RequestHandlerClass = type("Handler", (server.RequestHandlerClass,), {"timeout": IDLE_SECONDS})


def _end(serving: list[Serving]) -> None:
    while serving:
        server, thread = serving.pop()
        server.shutdown()
        server.server_close()
        thread.join()


def _check_host(host: str) -> None:
    """Whether this machine has that address; raises UserError."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind) as tried:
            tried.bind(address)
    except (OSError, UnicodeError) as error:
        raise UserError(
            f"metrics.host: cannot listen on {host} ({error}); give an address of this machine, 127.0.0.1 for this "
            "machine alone, 0.0.0.0 for all that can reach it, or --metrics.port null for no endpoint"
        ) from error
