"""Guards a port that changes what is served: to come over loopback proves nothing, as any page in a browser here does.

So the port is asked under its own names, no page of another origin asks it, changes are JSON, which no page sends
without asking first, and where there are tokens one with the role admin is needed.
"""

from collections.abc import Collection

from torchferry.serving.errors import Forbidden, UnsupportedType
from torchferry.serving.net.auth import Access
from torchferry.serving.net.same_origin import why_foreign

READS = ("GET", "HEAD")


class AdminRule:
    def __init__(self, access: Access, names: Collection[str] = ()) -> None:
        """`names`: what else the port may be asked as, beside loopback's."""
        self.access, self.names = access, names

    def check_page(self, host: str, origin: str) -> None:
        """Of every request, by its headers. Raises Forbidden."""
        if why := why_foreign(host, origin, self.names):
            raise Forbidden(why)

    def check_change(self, method: str, authorization: str, content_type: str) -> None:
        """Of what only the role admin may ask. Raises NotAllowed, Overloaded, Forbidden and UnsupportedType."""
        token = self.access.check(authorization)
        if token and not token.is_admin:
            where = "its line in --tokens ends with the word if it has"
            raise Forbidden(f"the token '{token.name}' has not the role admin; {where}")
        sent = content_type.partition(";")[0].strip().lower()
        if method not in READS and sent != "application/json":
            raise UnsupportedType(
                f"Content-Type is {sent[:100] or 'missing'}; send application/json, also where there is no body"
            )
