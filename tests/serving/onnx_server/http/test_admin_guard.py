"""The admin port is asked by tools of its machine, under its own names, and not by pages in a browser there."""

from pathlib import Path

import pytest

from tests.serving.onnx_server.in_process import MemoryTransport, Said, said
from tests.serving.wire import in_loop
from torchferry.serving.errors import NotAllowed
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.http.admin_guard import AdminGuard
from torchferry.serving.onnx_server.http.connection import Connection, Port
from torchferry.serving.onnx_server.http.errors import refuse
from torchferry.serving.onnx_server.http.request import HttpRequest


async def asked(guard: AdminGuard, *lines: str, method: str = "POST") -> Said:
    """200 if the request is let pass; `lines` are its head's, all of them."""

    def application(request: HttpRequest) -> None:
        try:
            if not (guard.refuses_page(request) or guard.refuses_change(request)):
                request.answer(200, b"{}")
        except NotAllowed as error:
            refuse(request, error)

    transport = MemoryTransport()
    port = Port(application)
    connection = Connection(port, port.clients.peer(""))
    connection.connection_made(transport)
    connection.data_received("\r\n".join([f"{method} / HTTP/1.1", "Content-Length: 0", *lines, "", ""]).encode())
    return said(b"".join(transport.writes))


JSON = "Content-Type: application/json"


@in_loop
async def test_its_own_names_are_let_pass_and_no_others() -> None:
    guard = AdminGuard(Access(None), ["ours"])
    for host in ("localhost:8081", "ours"):
        assert (await asked(guard, f"Host: {host}", JSON)).status == 200
        assert (await asked(guard, f"Host: {host}", JSON, f"Origin: http://{host}")).status == 200
        for origin in ("http://evil.example", "null"):
            told = await asked(guard, f"Host: {host}", JSON, f"Origin: {origin}")
            assert (told.status, f"Origin is {origin}" in told.json["detail"]) == (403, True)
    told = await asked(guard, "Host: evil.example", JSON)
    assert (told.status, told.json["detail"]) == (
        403,
        "Host is evil.example; this port is for 127.0.0.1, localhost, ::1, ours",
    )


@in_loop
@pytest.mark.parametrize(
    ("given", "status"),
    [
        (["Content-Type: Application/JSON; charset=utf-8"], 200),
        (["Content-Type: text/plain"], 415),
        (["Content-Type: text/plain; application/json"], 415),
        (["Content-Type: application/x-www-form-urlencoded"], 415),
        ([], 415),
    ],
)
async def test_a_change_is_json_which_no_page_sends_without_asking(given: list[str], status: int) -> None:
    told = await asked(AdminGuard(Access(None)), "Host: localhost", *given)
    assert told.status == status
    assert status == 200 or "send application/json" in told.json["detail"]
    assert (await asked(AdminGuard(Access(None)), "Host: localhost", method="GET")).status == 200


@in_loop
async def test_where_tokens_are_one_with_the_role_is_needed(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("ann s-ann 5\nbob s-bob admin\n")
    guard = AdminGuard(Access(tmp_path / "tokens"))
    assert (await asked(guard, "Host: localhost", JSON)).status == 401
    refused = await asked(guard, "Host: localhost", JSON, "Authorization: Bearer s-ann")
    assert (refused.status, "'ann' has not the role admin" in refused.json["detail"]) == (403, True)
    assert (await asked(guard, "Host: localhost", JSON, "Authorization: Bearer s-bob")).status == 200
