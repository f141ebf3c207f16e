"""`sweep`: what it refuses before it measures."""

import pytest

from torchferry.benchmarks import sweep
from torchferry.errors import UserError

GIVEN = ("http://127.0.0.1:1", "--model", "planted", "--input", "random")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--factor", "1"), "--factor: 1.0 is too small; give more than 1"),
        (("--factor", "-2"), "--factor: -2.0 is too small; give more than 1"),
        (("--rate", "0"), "--rate: 0.0 is too small"),
        (("--seconds", "0"), "--seconds: 0.0 is too small"),
        (("--output", "nowhere/x.json"), "--output: nowhere is not a folder"),
    ],
)
def test_bad_options_are_refused(change: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as refused:
        sweep.main([*GIVEN, *change])
    assert str(refused.value).startswith(words)
