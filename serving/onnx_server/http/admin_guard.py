"""Who may ask the admin port: to come over loopback proves nothing, since any page in a browser here does as well."""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.http.errors import say
from torchferry.serving.onnx_server.http.request import HttpRequest

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class AdminGuard:
    """Each answers a request that it lets not pass, and says whether it did so."""

    def __init__(self, access: Access, names: Iterable[str] = ()) -> None:
        """`names`: what else the port may be asked as, beside loopback's."""
        self.access = access
        self.names = (*LOOPBACK, *map(_plain, names))

    def refuses_page(self, request: HttpRequest) -> bool:
        """A page's request has its site's Origin; one whose name was made to lead here (DNS rebinding) has its Host."""
        host, origin = request.header(b"host"), request.header(b"origin")
        if _name(host) not in self.names:
            known = ", ".join(self.names)
            detail = f"the admin port is asked as {known}, not as '{host[:100]}'; --admin-host NAME allows another"
        elif b"origin" in request.headers and origin.lower() != f"http://{host.lower()}":
            detail = f"a page of '{origin[:100]}' asks; the admin port takes nothing from pages of other origins"
        else:
            return False
        say(request, 403, "Forbidden", detail)
        return True

    def refuses_change(self, request: HttpRequest) -> bool:
        """Of what only the role admin may ask. Raises NotAllowed and Overloaded."""
        token = self.access.check(request.header(b"authorization"))
        sent = request.header(b"content-type").partition(";")[0].strip().lower()
        if token and not token.is_admin:
            detail = (
                f"the token '{token.name}' has not the role admin; its line in --tokens ends with the word if it has"
            )
            say(request, 403, "Forbidden", detail)
        elif request.method == "POST" and sent != "application/json":
            # Browsers send other types without asking first.
            detail = f"Content-Type is {sent[:100] or 'missing'}; send application/json, also where there is no body"
            say(request, 415, "Unsupported Media Type", detail)
        else:
            return False
        return True


def _name(host: str) -> str:
    """Of a Host header, without the port; empty if it is none."""
    try:
        return _plain(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return ""


def _plain(name: str) -> str:
    name = name.lower().strip("[]").rstrip(".")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
