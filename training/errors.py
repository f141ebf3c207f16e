"""The one exception that means: the user's input is wrong."""


class UserError(ValueError):
    """Says in one line what is wrong, where, and what would be right; the command exits with 2."""


class CorruptSample(UserError):
    """A sample that cannot be read; the message names it. `data.on_corrupt` says what comes of it."""
