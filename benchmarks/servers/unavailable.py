"""The exception for a peer that cannot be measured; it says why."""

from subprocess import CompletedProcess
from typing import Self


class Unavailable(Exception):
    """A peer cannot be installed, started or measured; the text says in one line why."""

    @classmethod
    def after(cls, done: "CompletedProcess[str]") -> Self:
        """A program that failed, by the last line of what it said."""
        return cls((done.stderr.strip().splitlines() or [f"ended with exit code {done.returncode}"])[-1])
