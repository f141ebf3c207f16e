"""Why a peer is missing: one line of what a program said that failed."""

from subprocess import CompletedProcess

import pytest

from torchferry.benchmarks.servers.unavailable import Unavailable


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("Traceback:\n  a line\nValueError: no port\n\n", "ValueError: no port"),
        ("", "ended with exit code 3"),
        (" \n", "ended with exit code 3"),
    ],
)
def test_a_failure_is_its_last_line_or_its_exit_code(stderr: str, reason: str) -> None:
    assert str(Unavailable.after(CompletedProcess(["made"], 3, "said", stderr))) == reason
