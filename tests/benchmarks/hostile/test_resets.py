"""Streams of gRPC that are given up, in HTTP/2 of our own."""

import grpc

from tests.benchmarks.hostile.running import run_until
from tests.serving.wire import in_loop
from torchferry.benchmarks.hostile import resets
from torchferry.benchmarks.hostile.started import Started


def test_a_frame_is_as_http_2_has_it() -> None:
    assert resets.frame(resets.PING, resets.ACK, 5, b"ab") == b"\x00\x00\x02\x06\x01\x00\x00\x00\x05ab"


@in_loop
async def test_the_server_takes_them_for_calls(attacked: Started) -> None:
    """And goes on answering others."""
    many = 4 * resets.AT_ONCE

    def enough(counted: dict[str, int]) -> bool:
        return counted["streams reset"] > many and counted["streams left"] > many

    counted = await run_until(resets.attack, attacked.where, enough)
    assert set(counted) <= {"streams reset", "streams left", "connections closed"}
    where = attacked.where
    with grpc.insecure_channel(f"{where.host}:{where.grpc_port}", [("grpc.enable_http_proxy", 0)]) as channel:
        for method, message in where.valid.messages:
            assert channel.unary_unary(method)(message, timeout=60)
