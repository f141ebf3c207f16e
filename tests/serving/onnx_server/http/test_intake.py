"""Bodies on their way have bounds, for all clients and for each; what has left counts no more."""

import pytest

from torchferry.serving.errors import Overloaded
from torchferry.serving.onnx_server.http.intake import Intake


def test_a_client_has_a_share_of_the_bodies_and_all_have_a_bound() -> None:
    intake = Intake(most=8)
    for client in "aabbccdd":
        intake.enter(client)
    with pytest.raises(Overloaded):
        intake.enter("e")
    intake.leave("a", 0)
    with pytest.raises(Overloaded):
        intake.enter("b")
    intake.enter("a")


def test_a_client_has_a_share_of_the_bytes_and_all_have_a_bound() -> None:
    intake = Intake(most_bytes=400)
    for client in "abcde":
        intake.enter(client)
    intake.grow("a", 100)
    with pytest.raises(Overloaded):
        intake.grow("a", 1)
    for client in "bcd":
        intake.grow(client, 99)
    with pytest.raises(Overloaded):
        intake.grow("e", 5)


def test_whoever_has_left_is_forgotten() -> None:
    intake = Intake()
    for _ in range(2):
        intake.enter("a")
    intake.grow("a", 5)
    intake.leave("a", 5)
    assert (intake.bodies["a"], intake.sizes["a"]) == (1, 0)
    intake.leave("a", 0)
    assert not intake.bodies
    assert not intake.sizes


def test_any_body_that_may_be_sent_fits_several_times_into_a_clients_share() -> None:
    longest = 2**30
    intake = Intake.of(longest)
    for _ in range(4):
        intake.enter("a")
        intake.grow("a", longest)
    with pytest.raises(Overloaded):
        intake.grow("a", 1)
    assert Intake.of(1).most_bytes == Intake.most_bytes


def test_the_clients_of_a_unix_socket_share_all_of_it() -> None:
    intake = Intake(most=8)
    for _ in range(8):
        intake.enter("")
