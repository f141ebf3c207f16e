"""A running server can be found by its management port, as long as it runs."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.serving.torchserve.running_servers import RunningServer, announced

PORT = 8081
OURS = RunningServer(
    os.getpid(), "/store", "/failures", "http://127.0.0.1:8080", "http://127.0.0.1:8082/metrics", 2, "key"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def check_gone(port: int = PORT) -> None:
    words = f"^--management-port: no server of ours runs here with its management on {port}; "
    with pytest.raises(UserError, match=words):
        RunningServer.find(port)


def test_it_is_found_while_it_runs_and_by_its_own_port(folder: Path) -> None:
    with announced(PORT, OURS):
        assert RunningServer.find(PORT) == OURS
        check_gone(PORT + 1)
        [file] = folder.iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
    check_gone()
    assert not list(folder.iterdir())


def test_one_that_fails_is_not_found_any_more() -> None:
    with pytest.raises(RuntimeError), announced(PORT, OURS):
        raise RuntimeError
    check_gone()


def test_what_a_killed_one_left_is_passed_over_and_replaced(folder: Path) -> None:
    with announced(PORT, OURS):
        [file] = folder.iterdir()
        said = json.loads(file.read_text())
    file.write_text(json.dumps(said | {"pid": 2**22 + 1}))  # Linux gives no higher number than 2**22
    check_gone()
    with announced(PORT, OURS):
        assert RunningServer.find(PORT) == OURS


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"pid": 1}', '{"another": 1}'])
def test_a_file_of_another_form_is_no_server(folder: Path, text: str) -> None:
    with announced(PORT, OURS):
        [file] = folder.iterdir()
        file.write_text(text)
        check_gone()
