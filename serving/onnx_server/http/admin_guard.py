"""Guards the admin port: to come over loopback proves nothing, since any page in a browser here does as well."""

from collections.abc import Collection

from torchferry.serving.net.auth import Access
from torchferry.serving.net.same_origin import why_foreign
from torchferry.serving.onnx_server.http.errors import say
from torchferry.serving.onnx_server.http.request import HttpRequest


class AdminGuard:
    """Each answers a request that it lets not pass, and says whether it did so."""

    def __init__(self, access: Access, names: Collection[str] = ()) -> None:
        """`names`: what else the port may be asked as, beside loopback's."""
        self.access, self.names = access, names

    def refuses_page(self, request: HttpRequest) -> bool:
        if why := why_foreign(request.header(b"host"), request.header(b"origin"), self.names):
            say(request, 403, "Forbidden", why)
        return bool(why)

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
