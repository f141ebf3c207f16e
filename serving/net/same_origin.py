"""Tells whether a request to loopback was made on purpose: a browser sends one for any web page that it shows."""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


def why_foreign(host: str, origin: str, names: Collection[str] = ()) -> str:
    """Why the headers Host and Origin are those of a page from elsewhere, or nothing. `names`: what else the port may
    be asked as.

    A page whose own name was changed to mean 127.0.0.1 has that name in Host, any other has its own in Origin.
    """
    known = (*LOOPBACK_NAMES, *map(_plain, names))
    try:
        name = _plain(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        name = ""
    if name not in known:
        return f"Host is {host[:100] or 'missing'}; this port is for {', '.join(known)}"
    if origin and origin.lower() != f"http://{host}".lower():
        return f"Origin is {origin[:100]}; pages of other origins may not ask this port"
    return ""


def _plain(name: str) -> str:
    """As it is compared: a name may end with a dot, and an address be written in several ways."""
    name = name.lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
