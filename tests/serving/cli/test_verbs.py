import subprocess
import sys

import pytest

from tests.commands import ROOT, run_command


@pytest.mark.parametrize("package", ["serving", "benchmarks"])
def test_help_and_mistakes(package: str) -> None:
    shown = run_command("-m", package, "--help")
    assert (shown.returncode, "usage: python -m " + package in shown.stdout) == (0, True)
    assert run_command("-m", package).returncode == 2
    wrong = run_command("-m", package, "exprot")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith(f"{package}: there is no verb 'exprot'; choose one of")
    assert len(wrong.stderr.splitlines()) == 1


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    command = [sys.executable, "-m", "serving", "--help"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 141
    assert errors == ""
