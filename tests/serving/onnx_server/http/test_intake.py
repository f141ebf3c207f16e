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
