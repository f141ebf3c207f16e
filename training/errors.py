"""What can go wrong with a sample or a run."""

from torchferry.errors import UserError


class CorruptSample(UserError):
    """A sample that cannot be read; the message names it. `data.on_corrupt` says what comes of it."""


class RunFailed(Exception):
    """The machine or a store failed, not the recipe, so the same command tries again; the exit code is 1.

    It has no text on ranks where another rank, or a line before, says why.
    """
