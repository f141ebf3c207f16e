"""HTTP addresses in a recipe: checked, and without the credentials that may stand in them."""

from urllib.parse import urlsplit, urlunsplit

from torchferry.errors import UserError


def check_address(key: str, url: str) -> None:
    """Raises UserError, which repeats no credentials, for what is no address of an HTTP server."""
    if not is_address(url):
        given = f"'{url}' is" if "@" not in url else "what stands there is"
        raise UserError(f"{key}: {given} no address of an HTTP server; give one such as http://pushgateway:9091")


def is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
        return sound and (parts.port is None or parts.port > 0) and not any(letter.isspace() for letter in url)
    except ValueError:  # a port that is no number
        return False


def without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
