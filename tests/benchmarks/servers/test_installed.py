"""A peer with an environment of its own: all of that is its size."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.servers.jobs import a_job
from torchferry.benchmarks.servers.installed import Installed
from torchferry.benchmarks.servers.unavailable import Unavailable


class Peer(Installed):
    pins = "bentoml"


def test_its_size_is_that_of_its_environment(tmp_path: Path, installed: Callable[[str], Path]) -> None:
    there = installed("bentoml")
    (there / "lib").mkdir()
    (there / "lib" / "file").write_bytes(b"12345")
    peer = Peer(a_job(tmp_path))
    assert peer.environment == there
    assert peer.disk_bytes() == 5


def test_without_a_place_for_it_the_peer_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCHFERRY_CACHE", str(tmp_path / "file"))
    with pytest.raises(Unavailable, match="cannot be installed in"):
        Peer(a_job(tmp_path))
