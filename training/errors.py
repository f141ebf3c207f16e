"""What can be wrong with one sample."""

from torchferry.errors import UserError


class CorruptSample(UserError):
    """A sample that cannot be read; the message names it. `data.on_corrupt` says what comes of it."""
