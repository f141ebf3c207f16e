"""A call is its token's or its peer's, and each client has a share of those that are open."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.serving.onnx_server.in_process import Call, open_calls
from tests.serving.wire import in_loop
from torchferry.serving.net.auth import Access
from torchferry.serving.net.clients import Clients
from torchferry.serving.onnx_server.grpc.open_calls import CALLER, OpenCalls
from torchferry.serving.onnx_server.shares import Shares

THERE, PROXY = "ipv4:192.0.2.7:567", "ipv4:10.0.0.1:567"


def call(metadata: Sequence[tuple[str, str]] = (), *, peer: str) -> Any:
    return Call(metadata, peer=peer)


async def answering() -> str:
    """In a task that the call's begins, as a stream's does for each of its requests."""
    return CALLER.get()


@in_loop
async def test_one_too_many_of_a_client_is_told_to_come_later() -> None:
    calls = open_calls(most=10, most_of_client=2)
    assert [await calls.enter(call(peer=THERE)) for _ in range(2)] == ["192.0.2.7"] * 2
    assert await asyncio.create_task(answering()) == "192.0.2.7"
    context = call(peer=THERE)
    with pytest.raises(grpc.aio.AbortError):
        await calls.enter(context)
    assert (context.code, context.trailing) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        {"error-code": "overloaded", "retry-after": "1"},
    )
    assert context.details == "too many calls and streams are open: 10 may be open, 2 of one client"
    await calls.enter(call(peer=PROXY))
    calls.leave("192.0.2.7")
    await calls.enter(call(peer=THERE))
    assert calls.room.held == {"192.0.2.7": 2, "10.0.0.1": 1}


def test_a_call_is_its_tokens_where_tokens_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("ann s-ann 0.01\nann s-new\n")
    access = Access(tmp_path / "tokens")
    calls = open_calls(access=access)
    for secret, client in (
        ("s-ann", "token ann"),
        ("s-ann", "token ann"),
        ("s-new", "token ann"),
        ("s-x", "192.0.2.7"),
    ):
        assert calls.client(call((("authorization", f"Bearer {secret}"),), peer=THERE)) == client
    access.check("Bearer s-ann")  # none of its rate is spent
    assert open_calls().client(call((("authorization", "Bearer s-ann"),), peer=THERE)) == "192.0.2.7"


def test_a_trusted_proxy_says_whose_call_it_is_and_nobody_else() -> None:
    calls = OpenCalls(Clients(("10.0.0.0/8",)), Access(None), Shares(1, 1), lambda: None)
    metadata = (("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.5"))
    assert calls.client(call(metadata, peer=PROXY)) == "203.0.113.5"
    assert calls.client(call(metadata, peer=THERE)) == "192.0.2.7"
    assert calls.client(call(peer=PROXY)) == "10.0.0.1"
