"""Whether a request to a port on loopback was made on purpose: a browser sends one for any web page that it shows."""

from urllib.parse import urlsplit

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


def why_foreign(host: str, origin: str) -> str:
    """Why the headers Host and Origin are those of a page from elsewhere, or nothing.

    A page whose own name was changed to mean 127.0.0.1 has that name in Host, any other has its own in Origin.
    """
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name not in LOOPBACK_NAMES:
        return f"Host is {host[:100] or 'missing'}; this port is for 127.0.0.1, ::1 and localhost"
    if origin and origin.lower() != f"http://{host}".lower():
        return f"Origin is {origin[:100]}; pages of other origins may not ask this port"
    return ""
