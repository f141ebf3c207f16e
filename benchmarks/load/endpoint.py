"""A server's address, and the headers of every request to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from torchferry.arguments import parse_header
from torchferry.errors import UserError

SCHEMES = {"http": False, "https": True, "grpc": False, "grpcs": True}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    url: str
    """As it was given."""
    host: str
    port: int
    prefix: str
    """Path before /v2 or /predictions, without a slash at its end."""
    tls: bool
    ca: Path | None
    """PEM file of the authority that signed the server's certificate; None for the system's."""
    headers: tuple[tuple[str, str], ...]

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def base(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.prefix}"


def parse_endpoint(url: str, ca: Path | None = None, headers: Sequence[str] = ()) -> Endpoint:
    """`http[s]://HOST[:PORT][/PATH]`, `grpc[s]://HOST:PORT` or `HOST:PORT`. Raises UserError."""
    wrong = UserError(f"{url}: is not a URL like http://127.0.0.1:8080 or, for gRPC, 127.0.0.1:7070")
    if ca and not ca.is_file():
        raise UserError(f"--ca: {ca} is not a file; give the authority's certificate as PEM")
    try:
        parts = urlsplit(url if "://" in url else f"grpc://{url}")
        port = parts.port
    except ValueError as error:
        raise wrong from error
    tls = SCHEMES.get(parts.scheme)
    if tls is None or not parts.hostname or any(letter.isspace() for letter in url) or parts.query or parts.fragment:
        raise wrong
    if port == 0 or (port is None and parts.scheme.startswith("grpc")):  # nobody listens on port 0
        raise wrong
    return Endpoint(
        url=url,
        host=parts.hostname,
        port=port or (443 if tls else 80),
        prefix=parts.path.rstrip("/"),
        tls=tls,
        ca=ca,
        headers=tuple(parse_header(text) for text in headers),
    )
