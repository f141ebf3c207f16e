"""Input that no report is made of is one line, and no file."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.benchmarks.report.written import a_servers, measurement, written
from tests.commands import run_command
from torchferry.benchmarks.report.report_command import main
from torchferry.errors import UserError

Break = Callable[[Path], Path]


def no_run(folder: Path) -> Path:
    return folder


def unfinished(folder: Path) -> Path:
    (folder / "metrics.jsonl").write_text("{}")
    return folder


def damaged_run(folder: Path) -> Path:
    (folder / "model").mkdir()
    (folder / "model" / "model.yaml").touch()
    (folder / "config.yaml").touch()
    (folder / "metrics.jsonl").write_text('{"kind": "train"\n')
    return folder


def damaged_matrix(folder: Path) -> Path:
    run = damaged_run(folder)
    (run / "metrics.jsonl").write_text("")
    (run / "confusion.csv").write_text("true,0,1\n0,5\n")
    return run


def damaged_bundle(folder: Path) -> Path:
    (folder / "model.json").write_text("{}")
    return folder


def no_json(folder: Path) -> Path:
    (folder / "text.json").write_text("hello")
    return folder / "text.json"


def other_content(folder: Path) -> Path:
    return written(folder, "sweep", [{"model": "digits"}], {})


def damaged_histogram(folder: Path) -> Path:
    return written(folder, "latency", asdict(measurement(50, histogram="HISTFAAA")), {})


def no_machine(folder: Path) -> Path:
    return changed(folder, "machine", None)


def odd_versions(folder: Path) -> Path:
    return changed(folder, "machine", {"versions": [1]})


def changed(folder: Path, key: str, value: object) -> Path:
    source = a_servers(folder)
    source.write_text(json.dumps(json.loads(source.read_text()) | {key: value}))
    return source


def fewer_percentiles(folder: Path) -> Path:
    return written(folder, "latency", asdict(measurement(50, percentiles_ms={"p50": 1.0})), {})


def nested(folder: Path) -> Path:
    run = damaged_run(folder)
    (run / "metrics.jsonl").write_text("[" * 100_000)
    return run


def less_than_nothing(folder: Path) -> Path:
    run = damaged_matrix(folder)
    (run / "confusion.csv").write_text("true,a\na,-1\n")
    return run


def open_quote(folder: Path) -> Path:
    run = damaged_matrix(folder)
    (run / "confusion.csv").write_text('true,"' + "a" * 200_000)
    return run


def missing(folder: Path) -> Path:
    return folder / "nowhere"


def endless(folder: Path) -> Path:
    (folder / "link").symlink_to("link")
    return folder / "link"


def too_long(folder: Path) -> Path:
    return folder / ("x" * 300)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (no_run, "is neither a run folder (no metrics.jsonl) nor a bundle"),
        (unfinished, "is a run that has not finished"),
        (damaged_run, "metrics.jsonl: is not as this version"),
        (damaged_matrix, "confusion.csv: is not as this version"),
        (damaged_bundle, "model.json: cannot be read"),
        (no_json, "text.json: is no result that"),
        (other_content, "sweep.json: is not as this version"),
        (damaged_histogram, "latency.json: is not as this version"),
        (no_machine, "servers.json: is not as this version"),
        (odd_versions, "servers.json: is not as this version"),
        (fewer_percentiles, "latency.json: is not as this version"),
        (nested, "metrics.jsonl: is not as this version"),
        (less_than_nothing, "confusion.csv: is not as this version"),
        (open_quote, "confusion.csv: is not as this version"),
        (missing, "nowhere: does not exist"),
        (endless, "link: cannot be read"),
        (too_long, "x: cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_no_file(broken: Break, words: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    source = broken(tmp_path / "in")
    with pytest.raises(UserError) as caught:
        main([str(source), "-o", str(tmp_path / "made.html")])
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_the_command_line(tmp_path: Path) -> None:
    done = run_command("-m", "torchferry", "report", a_servers(tmp_path), "-o", tmp_path / "made.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert str(tmp_path / "made.html") in done.stdout
    done = run_command("-m", "torchferry", "report", tmp_path / "nowhere", "-o", tmp_path / "other.html")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
