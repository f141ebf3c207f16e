"""The machine that a figure belongs to."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

import pytest

from torchferry.benchmarks import host


@pytest.fixture(autouse=True)
def no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_the_machine_is_described_as_json_can_hold_it() -> None:
    described = host.describe()
    assert described.keys() == {"processor", "cores", "gpus", "system", "python", "versions"}
    assert json.loads(json.dumps(described)) == described
    assert described["processor"]
    assert described["python"] == platform.python_version()


def test_the_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5})
    assert host.describe()["cores"] == 3


def test_a_machine_without_nvidia_smi_has_no_gpus() -> None:
    assert host.describe()["gpus"] == []


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "PACKAGES", ("torch", "no-such-package"))
    assert host.describe()["versions"] == {"torch": version("torch"), "no-such-package": None}
