"""Markers for tests that start a server, torchrun or a container; a test that starts one without its marker fails.

A fixture that starts a server asks for `starts_server`, which marks every test that asks for the fixture; so do
`starts_torchrun` and `starts_container`. A test that starts one by itself has the marker: `@pytest.mark.server`.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.forks import FOLDER
from tests.running import running, starts

PROGRAMS = {
    "server": {"nginx", "java", "prometheus", "prometheus-alertmanager", "chromium"},
    "torchrun": {"torchrun", "torch.distributed.run", "torchferry.training.distributed.launcher"},
    "container": {"podman", "mmdebstrap"},
}
"""Words of a command by which it is known."""


@pytest.fixture(scope="session")
def starts_server() -> None:
    """Marks a test as one that starts a server, or asks one."""


@pytest.fixture(scope="session")
def starts_torchrun() -> None:
    """Marks a test as one that starts torchrun."""


@pytest.fixture(scope="session")
def starts_container() -> None:
    """Marks a test as one that starts a container."""


def pytest_itemcollected(item: pytest.Item) -> None:
    for marker in PROGRAMS:
        if f"starts_{marker}" in getattr(item, "fixturenames", ()):
            item.add_marker(marker)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    return (yield from _watched(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    return (yield from _watched(item))


def _watched(item: pytest.Item) -> Iterator[None]:
    """Not while it is torn down: the last test of a session also ends what others have started."""
    running.append(item)
    try:
        return (yield)
    finally:
        running.pop()


def needed(command: Sequence[str | bytes]) -> str | None:
    """The marker of a test that runs this command."""
    words = {Path(os.fsdecode(word)).name for word in command}
    if {"nginx", "-t"} <= words:  # which only reads its configuration
        return None
    if {"torchferry", "up"} <= words:  # by a fork it is a refusal, or a server that says itself that it is one
        return None if Path(os.fsdecode(command[0])).parent.name.startswith(FOLDER) else "server"
    return next((marker for marker, names in PROGRAMS.items() if names & words), None)


def _watch(event: str, given: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and running:
        _, command, *_ = given
        marker = needed([command] if isinstance(command, str | bytes) else list(command))
        if marker:
            starts(marker, command)


sys.addaudithook(_watch)
