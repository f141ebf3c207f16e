"""What ends a command in words; `torchferry/command.py` has the exit code of each."""


class UserError(Exception):
    """The user's input is wrong; the text says in one line what, where, and what would be right."""


class GateError(Exception):
    """What was asked for by name was measured and refused, or could not be built."""


class ServerFault(Exception):
    """A server answered that it failed, or did not answer as a server of ours does."""
