"""nginx.conf for the gateway before TorchServe, made whole from what it is told."""

import ipaddress
import json
import math
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from torchferry.serving.cli.server_settings import HEADROOM
from torchferry.serving.codec.predicted_labels import GOLDEN
from torchferry.serving.errors import (
    DeadlinePassed,
    InferenceFailed,
    Overloaded,
    TooLarge,
    Unavailable,
    UnknownModel,
    WrongParameter,
)
from torchferry.serving.net.addresses import authority
from torchferry.serving.net.auth import Token
from torchferry.serving.torchserve.settings import LOOPBACK

TEMPLATE = Path(__file__).with_name("nginx.conf.template")
MOST_FILES = 2**20
MOST_AT_A_TIME = 65535  # nginx takes no higher limit
WORKERS = 2
KEPT = 512
"""Connections of each worker that are for what it asks, beside those of clients."""
PHRASES = {
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
IDLE_SECONDS = 75
"""For a connection, more than the 60 s of most load balancers, as at the ONNX Runtime server."""
LATER = "Retry-After 1"
WRITES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
BROKEN = "it, or a version of it, could not be loaded; torchferry models list says why"
MENDED_SECONDS = 30
NO_TOKEN = "the request has no token that this server takes; send Authorization: Bearer TOKEN"


@dataclass(frozen=True)
class Upstreams:
    """What is asked: addresses, host:port or unix:PATH, and of gRPC the ports on loopback."""

    rest: str
    """TorchServe's, like the next."""
    grpc: int
    services: int
    """Ours: health and reflection, over gRPC."""
    page: str
    """Ours: its GET /readyz answers 200 or 503."""


NOBODY = Upstreams(f"{LOOPBACK}:1", 1, 1, f"{LOOPBACK}:1")
"""nginx wants ports, also where it asks none of them."""


@dataclass(frozen=True, kw_only=True)
class Front:
    host: str
    port: int
    grpc_port: int
    upstreams: Upstreams | None = None
    """None before TorchServe is there: every request is a 503."""
    max_body_bytes: int
    timeout: float
    """Seconds for TorchServe to answer; a second try has them again."""
    max_in_flight: int
    """REST requests for each model, and gRPC calls in all: they name their model where nginx does not look."""
    max_connections: int
    max_client_connections: int
    """Requests of one client at a time, over all models; as many calls of health and reflection, which may last for as
    long as it likes; and as many questions whether the server is ready, which those must not keep out."""
    trusted_proxy: Sequence[str] = ()
    """Addresses and networks that say who their clients are."""
    tokens: Path | None
    """None lets everybody in."""
    tls_certificate: Path | None
    tls_key: Path | None
    access_log: Path | None
    """A JSON line for each request goes there; None writes none."""
    access_log_share: float = 1.0
    """Of the requests, 0 to 1; answers with a status of 500 and more are always logged."""
    is_empty: bool = False
    """Whether no model is left: then what is not there may still come."""
    broken: Sequence[str] = ()
    """Names of models of which a version could not be loaded, or of bundles, whose variants these are."""
    draining: bool = False
    """Answers end their connections, so that clients go elsewhere."""

    @property
    def share(self) -> int:
        """Of the places that `max_in_flight` makes: those that one client may have, so that others find some."""
        return math.ceil(min(self.max_in_flight, MOST_AT_A_TIME) / 2)

    @property
    def state(self) -> str:
        return "draining" if self.draining else "serving" if self.upstreams else "starting"


def nginx_config(front: Front, folder: Path, tokens: Sequence[Token], addresses: Mapping[int, Sequence[str]]) -> str:
    """Whatever nginx writes goes into `folder`; `addresses`: those of each port that it listens on."""
    upstreams = front.upstreams or NOBODY
    broken = [rf"{_exactly(name)}(?:-[^%/]*)?" for name in front.broken]
    values = {
        "pid": _string(pid_file(front, folder)),
        "temporary": " ".join(f"{kind}_temp_path {_string(folder / kind)};" for kind in WRITES),
        "nothing": _string(nothing(folder)),
        "sampled": _sampled(front.access_log_share),
        "access_log": f"{_string(front.access_log.absolute())} lines if=$logged" if front.access_log else "off",
        "keepalive": 0 if front.draining else IDLE_SECONDS,
        "timeout": max(1, round(front.timeout * 1000)),
        "body": front.max_body_bytes,
        "message": front.max_body_bytes + HEADROOM,
        "workers": WORKERS,
        "connections": math.ceil(front.max_connections / WORKERS) + KEPT,
        "files": _open_files(),
        "broken_models": " ".join(f'"~^{name}\\z" 1;' for name in broken),
        "broken_calls": " ".join(f'"~^13 Model not found: {name}(?:%0A|$)" 14;' for name in broken),
        "trusted": _trusted(front.trusted_proxy),
        "golden": GOLDEN,
        "in_flight": min(front.max_in_flight, MOST_AT_A_TIME),
        "share": front.share,
        "client_requests": min(front.max_client_connections, MOST_AT_A_TIME),
        "tls": _tls(front),
        "upstream": upstreams.rest,
        "upstream_grpc": upstreams.grpc,
        "services": upstreams.services,
        "page": upstreams.page,
        "rest": _listen(front, front.port, addresses),
        "grpc": _listen(front, front.grpc_port, addresses, " http2"),
        "rates": "\n".join(_rate(number, token) for number, token in enumerate(tokens) if _rated(token)),
        "limits": " ".join(_limit(number, token) for number, token in enumerate(tokens) if _rated(token)),
        "not_found": (grpc.StatusCode.UNAVAILABLE if front.is_empty else grpc.StatusCode.NOT_FOUND).value[0],
        "starting": "" if front.upstreams else "return 595;",
        "refused": _body("$phrase", "$code", "the gateway cannot take this request"),
    }
    return TEMPLATE.read_text() % (
        values | _refusals(front) | _maps(tokens, "everybody" if front.tokens is None else "")
    )


def pid_file(front: Front, folder: Path) -> Path:
    """nginx writes it when it has taken up a configuration; each state has another, to see when it has."""
    return folder / f"{front.state}.pid"


def nothing(folder: Path) -> Path:
    """A folder without files: nginx looks for one before it asks TorchServe."""
    return folder / "nothing"


def _refusals(front: Front) -> dict[str, str]:
    """What locations answer with, by the name that the template has for it."""
    late = f"TorchServe did not answer within {front.timeout:g} s"
    too_large = f"the body has more than {front.max_body_bytes:,} bytes"
    too_many = "there are as many requests as there may be at a time, of one client or of all"
    starting = "the server is starting"
    return {
        "no_token": _refusal(401, "not_allowed", NO_TOKEN, "WWW-Authenticate Bearer"),
        "unknown_path": _refusal(404, "not_found", "there is nothing at this path; models are at /predictions/NAME"),
        "broken": _refusal(503, Unavailable.code, BROKEN, f"Retry-After {MENDED_SECONDS}"),
        "unknown_model": _refusal(503, Unavailable.code, "no model is loaded", LATER)
        if front.is_empty
        else _refusal(404, UnknownModel.code, "there is no such model, or no such version of it"),
        "wrong_method": _refusal(405, "method_not_allowed", "this path takes $methods", "Allow $methods"),
        "too_large": _refusal(413, TooLarge.code, too_large),
        "unread": _refusal(422, WrongParameter.code, "only ?form= is read of a query; all else is in body and headers"),
        "too_often": _refusal(429, Overloaded.code, "$too_often", "Retry-After $retry_after"),
        "too_many": _refusal(429, Overloaded.code, too_many, LATER),
        "failed": _refusal(500, InferenceFailed.code, "the model cannot compute it, or its worker died; asked twice"),
        "busy": _refusal(503, Unavailable.code, "TorchServe did not answer, twice", LATER),
        "not_started": _refusal(503, Unavailable.code, starting, LATER),
        "not_ready": _refusal(503, Unavailable.code, "it does not say whether it is ready", LATER),
        "late": _refusal(504, DeadlinePassed.code, late),
        "grpc_no_token": _grpc_refusal(grpc.StatusCode.UNAUTHENTICATED, NO_TOKEN),
        "grpc_too_often": _grpc_refusal(EXHAUSTED, "$too_often", "$retry_after"),
        "grpc_too_many": _grpc_refusal(EXHAUSTED, too_many, "1"),
        # Without retry-after: it would be as large the next time.
        "grpc_too_large": _grpc_refusal(EXHAUSTED, too_large),
        "grpc_unreadable": _grpc_refusal(grpc.StatusCode.INVALID_ARGUMENT, "the gateway cannot take this request"),
        "grpc_not_started": _grpc_refusal(grpc.StatusCode.UNAVAILABLE, starting, "1"),
        "grpc_late": _grpc_refusal(grpc.StatusCode.DEADLINE_EXCEEDED, late),
        "grpc_gone": _grpc_refusal(grpc.StatusCode.UNAVAILABLE, "TorchServe did not answer", "1"),
    }


def _maps(tokens: Sequence[Token], without: str) -> dict[str, str]:
    """From the header to a token's number, and on to what is said of it; strings of a map would ignore case."""
    maps: dict[str, list[str]] = {"secrets": [f'default "{without}";'], "names": [], "often": [], "after": []}
    for number, token in enumerate(tokens):
        maps["secrets"].append(rf'"~^[Bb][Ee][Aa][Rr][Ee][Rr] +{_exactly(token.secret)} *\z" {number};')
        maps["names"].append(f"{number} {_string(token.name)};")
        if _rated(token):
            # Escaped here: the variable is put into the refusal's JSON as it is.
            detail = json.dumps(f"the token '{token.name}' may ask {token.rate:g} times a second")[1:-1]
            maps["often"].append(f"{number} {_string(detail)};")
            maps["after"].append(f"{number} {math.ceil(1 / token.rate)};")
    return {name: " ".join(lines) for name, lines in maps.items()}


def _rated(token: Token) -> bool:
    return not math.isinf(token.rate)


def _rate(number: int, token: Token) -> str:
    """nginx counts in whole requests a minute, so that the least is one."""
    # 32k, eight pages of 4 KiB, is the least that nginx takes for a zone. An empty key is not counted.
    key = f'map $token $token_{number} {{ default ""; {number} {_string(token.name)}; }}'
    return f"{key} limit_req_zone $token_{number} zone=token_{number}:32k rate={max(1, round(token.rate * 60))}r/m;"


def _limit(number: int, token: Token) -> str:
    """A second's worth may come at once."""
    burst = math.ceil(token.rate) - 1
    return f"limit_req zone=token_{number}{f' burst={burst} nodelay' if burst else ''};"


def _sampled(share: float) -> str:
    """1 for the share; split_clients takes percentages above 0 and below 100, with two places."""
    percent = round(100 * share, 2)
    if percent in (0, 100):
        return f'* "{int(share)}";'
    return f"{percent:.2f}% 1; * 0;"


def _refusal(status: int, code: str, detail: str, header: str = "") -> str:
    """What a location answers; a header of its own hides the server's, which is therefore repeated."""
    name, _, value = header.partition(" ")
    headers = f"add_header X-Request-Id $id always; add_header {name} {_string(value, variables=True)} always; "
    return f"{headers if header else ''}return {status} {_body(PHRASES[status], code, detail)};"


def _body(phrase: str, code: str, detail: str) -> str:
    return _string(json.dumps({"error": phrase, "code": code, "detail": detail}), variables=True)


def _grpc_refusal(status: grpc.StatusCode, message: str, retry_after: str = "") -> str:
    """An answer without a body, whose headers are the trailers."""
    said = {"grpc-status": status.value[0], "grpc-message": message, "retry-after": retry_after}
    headers = (f"add_header {name} {_string(value, variables=True)} always;" for name, value in said.items() if value)
    return f"add_header X-Request-Id $id always; {' '.join(headers)} return 204;"


def _string(text: object, variables: bool = False) -> str:
    """As nginx reads it back; ${dollar} is how a string of its has the sign."""
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + (escaped if variables else escaped.replace("$", "${dollar}")) + '"'


def _exactly(secret: str) -> str:
    """A regular expression for this text alone."""
    return "".join(f"\\x{byte:02x}" for byte in secret.encode())


def _trusted(proxies: Sequence[str]) -> str:
    """With it, a client's address is the last that its proxies do not vouch for."""
    if not proxies:
        return ""
    # nginx knows no network by a mask such as /255.0.0.0.
    return " ".join(f"set_real_ip_from {ipaddress.ip_network(proxy)};" for proxy in proxies) + (
        " real_ip_header X-Forwarded-For; real_ip_recursive on;"
    )


def _open_files() -> int:
    """As many as the system gives: the limit that we began with may be less than the connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)


def _listen(front: Front, port: int, addresses: Mapping[int, Sequence[str]], protocol: str = "") -> str:
    """As the sockets that it is given listen already, so that :: takes IPv4 too."""
    both = {"::": " ipv6only=off"}
    return " ".join(
        f"listen {authority(address, port)}{protocol}{_ssl(front)}{both.get(address, '')};"
        for address in addresses[port]
    )


def _ssl(front: Front) -> str:
    return " ssl" if front.tls_certificate else ""


def _tls(front: Front) -> str:
    if front.tls_certificate is None or front.tls_key is None:
        return ""
    files = (_string(path.absolute()) for path in (front.tls_certificate, front.tls_key))
    return "ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.2 TLSv1.3;".format(*files)
