"""Errors of bundles and requests; each protocol has its own table that maps them to a status."""

from torchferry.errors import UserError

SOON, LATER = 1, 30
"""Seconds after which to ask again: for what ends by itself, such as loading, and for what somebody has to mend."""


class BundleError(UserError):
    """A folder is not a bundle, or is damaged."""


class CannotBuild(Exception):
    """This machine cannot make a variant; the text says why."""


class RequestError(Exception):
    """A request cannot be answered, and the client is the one who can mend it, or to come back."""

    code = "request_error"
    """What programs tell the errors apart by, in every body that says one; the words may change, this does not."""

    def __str__(self) -> str:
        # It repeats what the request says: perhaps millions of letters, or halves of them that UTF-8 does not have.
        return super().__str__()[:500].encode(errors="replace").decode()


class ClientGone(RequestError):
    """There is nobody to answer any more."""

    code = "client_gone"


class UnknownModel(RequestError):
    """There is no model, or no version of it, of that name."""

    code = "unknown_model"


class NotDecodable(RequestError):
    """The body is not what it claims to be."""

    code = "not_decodable"


class TooLarge(RequestError):
    """The body has too many bytes or pixels."""

    code = "too_large"


class AnswerTooLarge(RequestError):
    """The answer would have more bytes than are allowed."""

    code = "answer_too_large"


class TooSlow(RequestError):
    """The body did not arrive in time."""

    code = "body_too_slow"


class UnsupportedType(RequestError):
    """The body is of a type that the model cannot be asked with."""

    code = "unsupported_type"


class WrongTensor(RequestError):
    """A tensor's name, shape or datatype is not what the model takes."""

    code = "wrong_tensor"


class WrongParameter(RequestError):
    """A parameter of a request has a value that means nothing."""

    code = "wrong_parameter"


class UnknownSequence(RequestError):
    """The server keeps no sequence of that id: it was not begun, or it is over."""

    code = "unknown_sequence"


class NotExplainable(RequestError):
    """The model, or this request to it, has no gradient that says anything."""

    code = "not_explainable"


class NoPicture(RequestError):
    """A picture is asked for of a model that does not look at one."""

    code = "no_picture"


class NotAllowed(RequestError):
    """The request carries no token that this server takes, or asks for what is done elsewhere."""

    code = "not_allowed"


class Forbidden(RequestError):
    """Nobody may ask it there, from there or with this token."""

    code = "forbidden"


class TryLater(RequestError):
    """The request may be right, but not now."""

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        """Seconds after which it is worth trying again."""


class Overloaded(TryLater):
    """The queue is full, or a request would pass its deadline in it."""

    code = "overloaded"


class Unavailable(TryLater):
    """The server starts or ends, the model is being loaded or could not be, or there is none left."""

    code = "unavailable"


class DeadlinePassed(Exception):
    """The request was not answered in the time that it had, the time in the queue included."""

    code = "deadline_passed"


class InferenceFailed(Exception):
    """The model could not compute an answer, for a reason that is not the client's."""

    code = "inference_failed"
