"""`soak`: what it refuses."""

import pytest

from torchferry.benchmarks import soak
from torchferry.errors import UserError

GIVEN = ("http://127.0.0.1:1", "--model", "planted", "--input", "random")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--minutes", "0"), "--minutes: 0.0 is too small; give more than 0"),
        (("--rate", "0"), "--rate: 0.0 is too small"),
        (("--pid", "0"), "--pid: there is no process 0"),
        (("--pid", "-1"), "--pid: there is no process -1"),
        (("--metrics", "http://127.0.0.1:1/metrics"), "--metrics: http://127.0.0.1:1/metrics gives no answer"),
        (("--output", "nowhere/x.json"), "--output: nowhere is not a folder"),
    ],
)
def test_bad_options_are_refused(change: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as refused:
        soak.main([*GIVEN, *change])
    assert str(refused.value).startswith(words)
