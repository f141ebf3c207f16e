"""A gRPC call that fails, in the one way that TorchServe has for it: an exception of its own, of the whole batch."""

import logging
from typing import NoReturn

from torchferry.serving.errors import AnswerTooLarge, DeadlinePassed, InferenceFailed, TooLarge

STATUS = {TooLarge: 413, AnswerTooLarge: 413, InferenceFailed: 500, DeadlinePassed: 504}
"""TorchServe makes RESOURCE_EXHAUSTED of 413, INTERNAL of 500 and DEADLINE_EXCEEDED of 504; all else is 400, which is
INVALID_ARGUMENT as on the ONNX Runtime server."""
LOGGED = "Prediction error"


def fail_grpc(error: Exception) -> NoReturn:
    """Raises TorchServe's PredictionException, which Java makes a status of. For a batch of one call."""
    from ts.utils.util import PredictionException  # type: ignore[import-untyped]

    # It logs each with a traceback: clients could fill the log with their mistakes.
    logging.getLogger("ts.service").addFilter(_not_a_client)
    raise PredictionException(str(error), STATUS.get(type(error), 400))


def _not_a_client(record: logging.LogRecord) -> bool:
    return record.msg != LOGGED
