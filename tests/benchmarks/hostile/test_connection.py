"""A raw connection of an attacker: one answer, all answers of a time, and from which address."""

import pytest

from tests.serving.wire import in_loop
from torchferry.benchmarks.hostile.connection import Connection
from torchferry.benchmarks.hostile.started import Started
from torchferry.benchmarks.hostile.valid import Request


@in_loop
async def test_an_answer_has_its_status_and_says_whether_the_connection_is_kept(attacked: Started) -> None:
    async with Connection.to(attacked.where) as connection:
        assert connection.writer.get_extra_info("sockname")[0] == "127.0.0.2"
        assert await connection.exchange(attacked.where.valid.predict.raw(), 60) == "200"
        assert connection.kept
        assert await connection.exchange(Request(path="/v2", method="GET").raw(Connection="close"), 60) == "200"
        assert not connection.kept
        with pytest.raises(ConnectionResetError):  # ours of its end, or the kernel's where it has ended already
            await connection.exchange(attacked.where.valid.predict.raw(), 60)


@in_loop
async def test_what_is_not_answered_in_time_is_an_error(attacked: Started) -> None:
    async with Connection.to(attacked.where) as connection:
        with pytest.raises(TimeoutError):
            await connection.exchange(b"POST / HTTP/1.1\r\n", 0.05)


@in_loop
async def test_all_answers_in_a_row_are_found(attacked: Started) -> None:
    get = Request(path="/v2", method="GET")
    async with Connection.to(attacked.where) as connection:
        sent = get.raw() * 2 + Request(path="/nowhere").raw(Connection="close")
        assert await connection.poured(sent, 60) == ["200", "200", "404"]
    async with Connection.to(attacked.where) as connection:
        assert await connection.poured(b"POST /", 0.05) == []
