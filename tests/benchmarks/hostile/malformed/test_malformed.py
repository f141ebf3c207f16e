"""Malformed requests of all kinds from a seed."""

import httptools

from torchferry.benchmarks.hostile.malformed.malformed import Malformed
from torchferry.benchmarks.hostile.valid import Valid


def test_a_seed_makes_the_same_and_another_does_not(valid: Valid) -> None:
    def some(seed: int) -> list[object]:
        made = Malformed(valid, seed)
        return [made.request(), made.stream(), made.message(), made.request()]

    assert some(3) == some(3)
    assert some(3) != some(4)


class Whole:
    def __init__(self) -> None:
        self.ended = 0

    def on_message_complete(self) -> None:
        self.ended += 1


def test_a_request_is_one_in_http_that_is_right(valid: Valid) -> None:
    """Or its connection could not be kept."""
    made = Malformed(valid, 0)
    whole = Whole()
    parser = httptools.HttpRequestParser(whole)
    for count in range(1, 301):
        parser.feed_data(made.request())
        assert whole.ended == count
