"""`latency`: what it refuses before it measures."""

from pathlib import Path

import pytest

from torchferry.benchmarks import latency
from torchferry.errors import UserError

GIVEN = ("http://127.0.0.1:1", "--model", "planted", "--input", "random", "--protocol", "rest")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--rate", "50", "--connections", "2"), "argument --connections: not allowed with argument --rate"),
        (("--rate", "nan"), "argument --rate: nan is not a finite number"),
        (("--rate", "0"), "--rate: 0.0 is too small"),
        (("--connections", "0"), "--connections: 0 is too small"),
        (("--warmup", "-1"), "--warmup: -1.0 is too small"),
        (("--protocol", "smtp"), "argument --protocol: invalid choice: 'smtp'"),
    ],
)
def test_bad_options_are_refused(change: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as refused:
        latency.main([*GIVEN, *change])
    assert str(refused.value).startswith(words)


def test_a_place_for_the_result_is_looked_at_before_the_server(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--output: .*/gone is not a folder; make it first"):
        latency.main([*GIVEN, "--output", str(tmp_path / "gone" / "x.json")])


def test_a_server_that_does_not_answer_is_named() -> None:
    with pytest.raises(UserError, match=r"127\.0\.0\.1:1"):
        latency.main(GIVEN)
