import pytest

from torchferry.serving.onnx_server.shares import Shares


def taken(shares: Shares, client: str) -> int:
    """How much there is for it until it is refused."""
    count = 0
    while shares.take(client):
        count += 1
    return count


def test_a_client_alone_has_its_share_and_no_more() -> None:
    shares = Shares(100, 10)
    assert taken(shares, "a") == 10
    assert (shares.taken, shares.is_full) == (10, False)


def test_however_many_take_what_they_can_there_is_room_for_the_next() -> None:
    shares = Shares(100, 50)
    assert [taken(shares, client) for client in "abcdef"] == [50, 25, 13, 6, 3, 2]
    assert shares.take("g")


def test_who_has_more_than_is_free_waits_and_who_has_nothing_does_not() -> None:
    shares = Shares(9, 9)
    assert [taken(shares, client) for client in "ab"] == [5, 2]
    assert not shares.has_room("a")
    shares.give_back("a", 3)
    assert [shares.has_room(client) for client in "abc"] == [True, True, True]


def test_those_without_a_name_share_all_of_it() -> None:
    shares = Shares(10, 2)
    assert taken(shares, "") == 10
    assert shares.is_full
    assert not shares.take("a")


def test_what_is_large_may_go_beyond_once() -> None:
    shares = Shares(100, 50)
    assert shares.take("a", 80)
    assert not shares.take("a", 1)
    assert shares.take("b", 80)
    assert not shares.take("c", 1)


def test_who_holds_nothing_is_forgotten() -> None:
    shares = Shares(10, 10)
    shares.take("a", 2)
    shares.give_back("a")
    assert shares.held == {"a": 1}
    shares.give_back("a")
    assert (shares.held, shares.taken) == ({}, 0)
    with pytest.raises(KeyError):
        shares.give_back("a")
