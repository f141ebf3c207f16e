"""The file of a benchmark, as it is written and read again."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from torchferry.benchmarks import record
from torchferry.benchmarks.record import Figure
from torchferry.errors import UserError

FIGURES = {"p50 ms": Figure(better="lower", values=[1.5, 2.0])}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "latency.json"
    record.write("latency", Namespace(output=path, rate=50, ca=None), {"p50": 1.5}, FIGURES)
    content, figures = record.read(path)
    assert figures == FIGURES
    assert content["benchmark"] == "latency"
    assert content["results"] == {"p50": 1.5}
    assert content["arguments"] == {"output": str(path), "rate": 50, "ca": None}
    assert {"command", "machine"} <= content.keys()


def test_without_an_output_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record.write("latency", Namespace(output=None), {}, FIGURES)
    record.check(Namespace(output=None))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "words"),
    [("gone/x.json", "gone is not a folder; make it first"), ("folder", "folder is a folder; give a file in it")],
)
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, place: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError) as refused:
        record.check(Namespace(output=tmp_path / place))
    assert str(refused.value) == f"--output: {tmp_path}/{words}"


def test_a_file_that_is_there_may_be_written_again(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    record.check(Namespace(output=tmp_path / "x.json"))


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"no JSON",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b'{"benchmark": "latency", "figures": []}',
        b'{"benchmark": "latency", "figures": {"p50 ms": {"better": "lower"}}}',
        b'{"benchmark": "latency", "figures": {"p50 ms": {"better": "lower", "values": ["fast"]}}}',
        b'{"figures": {}}',
    ],
)
def test_a_file_of_another_form_is_no_result(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match="x: is no result that `torchferry bench` wrote with --output"):
        record.read(tmp_path / "x")


def test_a_file_that_is_missing_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing: cannot be read \(No such file or directory\)"):
        record.read(tmp_path / "missing")


def test_numbers_are_read_as_floats(tmp_path: Path) -> None:
    figures = {"answered/s": {"better": "higher", "values": [1, "2.5"]}}
    (tmp_path / "x").write_text(json.dumps({"benchmark": "slo", "figures": figures}))
    assert record.read(tmp_path / "x")[1] == {"answered/s": Figure(better="higher", values=[1.0, 2.5])}
