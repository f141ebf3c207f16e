"""Two commits in turn: what is refused before anything is checked out."""

from argparse import Namespace
from pathlib import Path

import pytest

from torchferry.benchmarks import commits
from torchferry.errors import UserError


@pytest.mark.parametrize(
    ("serve", "verb", "words"),
    [
        (None, [], "--commits: nothing to measure; give the verb and its options after --"),
        ("--runtime onnx b", [], "--commits: nothing to measure"),
        (
            "--runtime onnx b",
            ["latency", "http://127.0.0.1:8080", "--model", "rest"],
            "--serve: the words after -- name no address; write one of {rest}, {grpc}, {metrics} there",
        ),
    ],
)
def test_words_that_measure_nothing_of_a_commit_are_refused_first(
    tmp_path: Path, serve: str | None, verb: list[str], words: str
) -> None:
    options = Namespace(old="HEAD", new="HEAD", serve=serve, rounds=5, scratch=tmp_path / "scratch")
    with pytest.raises(UserError) as refused:
        commits.measure(options, verb)
    assert str(refused.value).startswith(words)
    assert not options.scratch.exists()
