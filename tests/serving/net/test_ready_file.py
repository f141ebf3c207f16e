"""The file is there while the server answers: not before, not after, never half written."""

import json
from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.serving.net.ready_file import check_ready_file, ready_file

ADDRESSES = {"rest": "http://127.0.0.1:8080", "grpc": "127.0.0.1:7070"}


def test_the_addresses_are_there_while_the_block_runs(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    with ready_file(path, ADDRESSES):
        assert json.loads(path.read_text()) == ADDRESSES
        assert list(tmp_path.iterdir()) == [path]
    assert not list(tmp_path.iterdir())


def test_a_server_that_fails_takes_it_away(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="failed"), ready_file(tmp_path / "ready.json", ADDRESSES):
        raise ValueError("failed")
    assert not list(tmp_path.iterdir())


def test_somebody_may_have_removed_it_already(tmp_path: Path) -> None:
    with ready_file(tmp_path / "ready.json", ADDRESSES):
        (tmp_path / "ready.json").unlink()
    assert not list(tmp_path.iterdir())


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_ready_file(None)
    with ready_file(None, ADDRESSES):
        assert not list(tmp_path.iterdir())


def test_what_a_killed_server_has_left_goes(tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text("{}")
    for _ in range(2):
        check_ready_file(tmp_path / "ready.json")
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [".", "missing/ready.json"])
def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(
        UserError, match=f"^--ready-file: {path} cannot be a file; give a path in a folder that exists$"
    ):
        check_ready_file(path)
    assert tmp_path.is_dir()
