"""The one exception that means: the user's input is wrong."""


class UserError(ValueError):
    """Says in one line what is wrong, where, and what would be right; the command exits with 2."""
