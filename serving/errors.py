"""What can go wrong, in domain words; each edge has its own table from these to a status or exit code."""


class UserError(Exception):
    """A command got wrong input; the text says in one line what, where, and what would be right."""


class BundleError(UserError):
    """A folder is not a bundle, or is damaged."""


class GateError(Exception):
    """A variant that was asked for by name was measured and refused, or could not be built."""


class CannotBuild(Exception):
    """This machine cannot make a variant; the text says why."""


class ServerFault(Exception):
    """A server answered that it failed, or did not answer as a server of ours does."""


class RequestError(Exception):
    """A request cannot be answered, and the client is the one who can mend it."""


class NotDecodable(RequestError):
    """The body is not what it claims to be."""


class TooLarge(RequestError):
    """The body has too many bytes or pixels."""


class WrongTensor(RequestError):
    """A tensor's name, shape or datatype is not what the model takes."""
