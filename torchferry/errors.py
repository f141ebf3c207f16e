"""Errors that end a command with a message; `torchferry/command.py` has the exit code of each."""

from collections.abc import Sequence


class UserError(Exception):
    """The user's input is wrong; the text says in one line what, where, and what would be right."""


class GateError(Exception):
    """What was asked for by name was measured and refused, or could not be built."""


class ServerFault(Exception):
    """A server answered that it failed, or did not answer as a server of ours does."""


class StoreError(ServerFault, OSError):
    """A store that fails or refuses, made like any OSError; it can be pickled, as an S3 client's errors cannot."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class Missing(StoreError):
    """There is no such file."""


class StoreRefused(StoreError):
    """Another try would not help: rights are missing, or a file is where a folder has to be. The exit code is 2."""


SHOWN = 1000
"""Letters of a message that are shown of its beginning, and of its end."""


def in_one_line(text: str) -> str:
    """With what a terminal would obey, such as a line break in a file's name, as an escape, and not without end."""
    if len(text) > 2 * SHOWN:
        text = f"{text[:SHOWN]} ... {text[-SHOWN:]}"
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def some(names: Sequence[str], most: int = 5) -> str:
    """The first of many names, for a message, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
