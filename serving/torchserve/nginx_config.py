"""nginx.conf for the gateway before TorchServe, made whole from what it is told."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torchferry.serving.net.auth import Token
from torchferry.serving.torchserve.settings import LOOPBACK

TEMPLATE = Path(__file__).with_name("nginx.conf.template")
MOST_IN_FLIGHT = 65535  # nginx takes no higher limit
PHRASES = {
    401: "Unauthorized",
    413: "Content Too Large",
    429: "Too Many Requests",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
WRITES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
NO_TOKEN = "the request has no token that this server takes; send Authorization: Bearer TOKEN"


@dataclass(frozen=True, kw_only=True)
class Front:
    host: str
    port: int
    grpc_port: int
    upstream_port: int
    """TorchServe's, on loopback like the two below."""
    upstream_grpc_port: int
    page_port: int
    """Its GET /readyz answers 200 or 503."""
    page_host: str = LOOPBACK
    max_body_bytes: int
    timeout: float
    """Seconds for TorchServe to answer; a second try has them again."""
    max_in_flight: int
    """REST requests for each model, and gRPC calls in all: they name their model where nginx does not look."""
    tokens: Path | None
    """None lets everybody in."""
    tls_certificate: Path | None
    tls_key: Path | None
    access_log: Path | None
    """A JSON line for each request goes there; None writes none."""
    access_log_share: float = 1.0
    """Of the requests, 0 to 1; answers with a status of 500 and more are always logged."""
    draining: bool = False
    """Answers end their connections, so that clients go elsewhere."""


def nginx_config(front: Front, folder: Path, tokens: Sequence[Token]) -> str:
    """Whatever nginx writes goes into `folder`."""
    values = {
        "pid": _string(pid_file(front, folder)),
        "temporary": " ".join(f"{kind}_temp_path {_string(folder / kind)};" for kind in WRITES),
        "sampled": _sampled(front.access_log_share),
        "access_log": f"{_string(front.access_log.absolute())} lines if=$logged" if front.access_log else "off",
        "keepalive": 0 if front.draining else 75,
        "timeout": max(1, round(front.timeout * 1000)),
        "body": front.max_body_bytes,
        "in_flight": min(front.max_in_flight, MOST_IN_FLIGHT),
        "tls": _tls(front),
        "upstream": front.upstream_port,
        "upstream_grpc": front.upstream_grpc_port,
        "page": f"{front.page_host}:{front.page_port}",
        "rest": f"{_host(front)}:{front.port}{_ssl(front)}",
        "grpc": f"{_host(front)}:{front.grpc_port} http2{_ssl(front)}",
        "rates": "\n".join(_rate(number, token) for number, token in enumerate(tokens) if _rated(token)),
        "limits": " ".join(_limit(number, token) for number, token in enumerate(tokens) if _rated(token)),
        "no_token": _refusal(401, NO_TOKEN, "WWW-Authenticate Bearer"),
        "too_often": _refusal(429, "$too_often", "Retry-After $retry_after"),
        "too_many": _refusal(429, "the model has as many requests as it may have at a time", "Retry-After 1"),
        "too_large": _refusal(413, f"the body has more than {front.max_body_bytes} bytes"),
        "busy": _refusal(503, "TorchServe did not answer, twice", "Retry-After 1"),
        "not_ready": _refusal(503, "it does not say whether it is ready", "Retry-After 1"),
        "late": _refusal(504, late := f"TorchServe did not answer within {front.timeout:g} s"),
        "refused": _body("$phrase", "the gateway cannot take this request"),
        "grpc_no_token": _grpc_refusal(16, NO_TOKEN),
        "grpc_too_much": _grpc_refusal(8, "too large a message, too many calls at a time, or too many of this token"),
        "grpc_late": _grpc_refusal(4, late),
        "grpc_gone": _grpc_refusal(14, "TorchServe did not answer"),
    }
    return TEMPLATE.read_text() % (values | _maps(tokens, "everybody" if front.tokens is None else ""))


def pid_file(front: Front, folder: Path) -> Path:
    """nginx writes it when it has taken up a configuration; draining has another, to see when it has."""
    return folder / ("draining.pid" if front.draining else "nginx.pid")


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


def _refusal(status: int, detail: str, header: str = "") -> str:
    """What a location answers; a header of its own hides the server's, which is therefore repeated."""
    headers = f"add_header X-Request-Id $id always; add_header {header} always; " if header else ""
    return f"{headers}return {status} {_body(PHRASES[status], detail)};"


def _body(phrase: str, detail: str) -> str:
    return _string(json.dumps({"error": phrase, "detail": detail}), variables=True)


def _grpc_refusal(status: int, message: str) -> str:
    """An answer without a body, whose headers are the trailers."""
    headers = f"add_header grpc-status {status} always; add_header grpc-message {_string(message)} always;"
    return f"add_header X-Request-Id $id always; {headers} return 204;"


def _string(text: object, variables: bool = False) -> str:
    """As nginx reads it back; ${dollar} is how a string of its has the sign."""
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + (escaped if variables else escaped.replace("$", "${dollar}")) + '"'


def _exactly(secret: str) -> str:
    """A regular expression for this text alone."""
    return "".join(f"\\x{byte:02x}" for byte in secret.encode())


def _host(front: Front) -> str:
    return f"[{front.host}]" if ":" in front.host else front.host


def _ssl(front: Front) -> str:
    return " ssl" if front.tls_certificate else ""


def _tls(front: Front) -> str:
    if front.tls_certificate is None or front.tls_key is None:
        return ""
    files = (_string(path.absolute()) for path in (front.tls_certificate, front.tls_key))
    return "ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.2 TLSv1.3;".format(*files)
