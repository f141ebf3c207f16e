"""A path is listened at unless something else is there; what a server that was killed has left goes."""

import socket
from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.serving.net.unix_sockets import free, listen_at


def test_who_connects_to_the_path_is_let_in(tmp_path: Path) -> None:
    with listen_at(tmp_path / "s", "--unix-socket") as listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
        listener.accept()[0].close()


def test_what_nobody_listens_at_any_more_is_taken(tmp_path: Path) -> None:
    listen_at(tmp_path / "s", "--unix-socket").close()
    listen_at(tmp_path / "s", "--unix-socket").close()
    free(tmp_path / "s", "--unix-socket")
    assert not (tmp_path / "s").exists()
    free(tmp_path / "s", "--unix-socket")


def test_a_server_that_listens_there_keeps_it(tmp_path: Path) -> None:
    with listen_at(tmp_path / "s", "--unix-socket"):
        for take in (listen_at, free):
            with pytest.raises(UserError, match=r"^--unix-socket: cannot listen at .*/s \(a server listens there\)"):
                take(tmp_path / "s", "--unix-socket")
        assert (tmp_path / "s").is_socket()


def test_whatever_else_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for path in (tmp_path, tmp_path / "file", tmp_path / "link"):
        with pytest.raises(UserError, match="it is there, and no socket"):
            listen_at(path, "--unix-socket")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_path_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "s", tmp_path / ("x" * 108), tmp_path / ("x" * 300), Path("/dev/null/s")):
        with pytest.raises(UserError, match=r"^--unix-socket: cannot listen at ") as refused:
            listen_at(path, "--unix-socket")
        assert len(str(refused.value).splitlines()) == 1
