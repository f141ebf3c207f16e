"""`torchferry report`: where the page is written, and where it is not."""

import hashlib
from pathlib import Path

import pytest

from tests.benchmarks.report.parsed import Page
from tests.benchmarks.report.written import a_servers
from torchferry.benchmarks.report.report_command import main
from torchferry.errors import UserError


def test_the_output_is_never_somebody_elses(tmp_path: Path) -> None:
    source = a_servers(tmp_path)
    before = hashlib.sha256(source.read_bytes()).digest()
    wrong = {source: "exists and is no report", tmp_path: "is a folder", tmp_path / "a" / "b": "is not a folder"}
    for output, words in wrong.items():
        with pytest.raises(UserError, match=words):
            main([str(source), "-o", str(output)])
    assert hashlib.sha256(source.read_bytes()).digest() == before
    assert [path.name for path in tmp_path.iterdir()] == ["servers.json"]


def test_a_report_of_ours_is_made_anew(tmp_path: Path) -> None:
    source, output = a_servers(tmp_path), tmp_path / "made.html"
    main([str(source), "-o", str(output)])
    main([str(source), "-o", str(output), "--title", "again"])
    assert Page(output.read_text()).all("h1")[0][1] == "again"
    assert {path.name for path in tmp_path.iterdir()} == {"servers.json", "made.html"}


def test_a_link_into_a_page_of_another_is_followed_and_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs.html").write_text("<!doctype html>")
    (tmp_path / "link.html").symlink_to("theirs.html")
    with pytest.raises(UserError, match=r"link\.html exists and is no report"):
        main([str(a_servers(tmp_path)), "-o", str(tmp_path / "link.html")])


def test_it_is_written_here_under_its_usual_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = a_servers(tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    main([str(source)])
    assert capsys.readouterr().out == "report       report.html\n"
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["report.html"]
