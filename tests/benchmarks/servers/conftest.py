"""A peer without its process: what it would be started with, and an environment with nothing in it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest

from torchferry.benchmarks.servers.environment import place


@dataclass(frozen=True)
class Start:
    words: list[str]
    environment: Mapping[str, str]
    folder: Path
    """For the peer's files."""

    def option(self, name: str) -> str:
        return self.words[self.words.index(name) + 1]


class Startable(Protocol):
    def serving(self, folder: Path) -> AbstractContextManager[object]: ...


Starts = Callable[[Startable], Start]


@pytest.fixture
def start_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starts:
    """What a peer is started with; it is not."""

    def start(peer: Startable) -> Start:
        folder = tmp_path / "serving"
        folder.mkdir()
        found: list[Start] = []

        def refuse(words: list[str], **given: Any) -> None:
            found.append(Start(words, given["env"], folder))
            raise OSError("nothing is started")

        monkeypatch.setattr(psutil, "Popen", refuse)
        with pytest.raises(OSError, match="nothing is started"), peer.serving(folder):
            pass
        return found[0]

    return start


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes a peer's environment, where it is looked for; nothing is in it."""
    monkeypatch.setenv("TORCHFERRY_CACHE", str(tmp_path / "cache"))

    def make(peer: str) -> Path:
        place(peer).mkdir(parents=True)
        return place(peer)

    return make
