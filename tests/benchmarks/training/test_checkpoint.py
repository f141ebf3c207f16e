"""`checkpoint`: what it refuses before it trains."""

from pathlib import Path

import pytest

from torchferry.benchmarks.training import checkpoint
from torchferry.errors import UserError


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--every-steps", "1"), "--every-steps: 1 is too small; give 2 or more"),
        (("--only", "both"), "argument --only: invalid choice: 'both'"),
        (("--processes", "3"), "--batch-size: 64 cannot be shared by 3 processes; give a multiple"),
        (("--rounds", "0"), "--rounds: 0 is too small"),
    ],
)
def test_bad_options_are_refused(tmp_path: Path, change: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as refused:
        checkpoint.main(["--scratch", str(tmp_path / "scratch"), *change])
    assert str(refused.value).startswith(words)
