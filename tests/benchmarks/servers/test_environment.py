"""A peer's environment: where it is depends on what is pinned, and one that is there is taken as it is."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import ROOT
from torchferry.benchmarks.servers.environment import PINS, environment, pinned, place, python_of, site_packages
from torchferry.benchmarks.servers.unavailable import Unavailable

PEERS = ["litserve", "bentoml", "mlserver", "kserve", "ray-serve", "triton"]


def test_each_has_its_pins() -> None:
    assert sorted(path.stem for path in PINS.glob("*.txt")) == sorted(PEERS)


@pytest.mark.parametrize("peer", PEERS)
def test_the_same_runtime_is_behind_each_server(peer: str) -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert f"\nonnxruntime=={pinned(peer)['onnxruntime']} " in lock


def test_one_that_is_there_is_taken_as_it_is(
    installed: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    there = installed("litserve")
    (there / "file").touch()
    assert environment("litserve") == there
    assert [path.name for path in there.iterdir()] == ["file"]
    assert capsys.readouterr().err == ""


def test_they_are_kept_in_the_home_unless_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TORCHFERRY_CACHE", raising=False)
    assert place("kserve").parent == tmp_path.resolve() / ".cache" / "torchferry" / "peers"
    assert place("kserve").name.startswith("kserve-")


def test_another_python_has_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    before = place("kserve")
    monkeypatch.setattr(sys, "version", "3.99")
    assert place("kserve") != before


def test_a_cache_that_cannot_be_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCHFERRY_CACHE", str(tmp_path / "file"))
    with pytest.raises(Unavailable, match=r"cannot be installed in .*/file/peers/kserve-\w{12}: Not a directory"):
        environment("kserve")


def test_python_and_packages_are_where_a_virtual_environment_has_them() -> None:
    this = Path(sys.prefix)
    assert python_of(this).exists()
    assert (site_packages(this) / "numpy").is_dir()
