"""Bodies on their way and bytes have bounds, for all clients and for each; what has left counts no more."""

import pytest

from torchferry.serving.errors import Overloaded
from torchferry.serving.onnx_server.intake import MOST_BYTES, Intake


def test_a_client_alone_has_half_of_the_bodies_and_the_next_finds_room() -> None:
    intake = Intake(most=8)
    for _ in range(4):
        intake.enter("a")
    with pytest.raises(Overloaded, match="too many bodies are on their way"):
        intake.enter("a")
    intake.enter("b")
    intake.leave("a")
    intake.enter("a")


def test_a_client_alone_has_half_of_the_bytes_and_is_told_how_many() -> None:
    intake = Intake(most_bytes=400_000)
    intake.hold("a", 100_000)
    intake.hold("a", 100_000)
    with pytest.raises(
        Overloaded, match=r"bytes .* are here or on their way: 400,000 are allowed, of one client no more than are"
    ):
        intake.hold("a", 1)
    intake.hold("b", 1)
    intake.release("a", 2)
    intake.hold("a", 1)


def test_any_body_that_may_be_sent_fits_several_times_into_a_clients_share() -> None:
    longest = 2**30
    intake = Intake.of(longest)
    for _ in range(8):
        intake.hold("a", longest)
    with pytest.raises(Overloaded):
        intake.hold("a", 1)
    assert Intake.of(1).bytes.most == MOST_BYTES


def test_the_clients_of_a_unix_socket_share_all_of_it() -> None:
    intake = Intake(most=8)
    for _ in range(8):
        intake.enter("")
    with pytest.raises(Overloaded):
        intake.enter("")
