"""`slo`: what it refuses before it measures."""

import pytest

from torchferry.benchmarks import slo
from torchferry.errors import UserError

GIVEN = ("http://127.0.0.1:1", "--model", "planted", "--input", "random")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--p99-ms", "0"), "--p99-ms: 0.0 is too small"),
        (("--p99-ms", "inf"), "argument --p99-ms: inf is not a finite number"),
        (("--p99-ms", "50", "--resolution", "1e-17"), "--resolution: 1e-17 is too small; give 0.001 or more"),
        (("--p99-ms", "50", "--repeats", "0"), "--repeats: 0 is too small; give more than 0"),
        (("--p99-ms", "50", "--rate", "0"), "--rate: 0.0 is too small"),
        (("--p99-ms", "50", "--output", "nowhere/x.json"), "--output: nowhere is not a folder"),
    ],
)
def test_bad_options_are_refused(change: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as refused:
        slo.main([*GIVEN, *change])
    assert str(refused.value).startswith(words)
