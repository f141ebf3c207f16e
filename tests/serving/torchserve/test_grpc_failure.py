"""A call that fails alone has the status that TorchServe makes of its exception's number."""

import logging

import pytest

from tests.serving.torchserve.torchserve_exception import PredictionException
from torchferry.serving.errors import (
    AnswerTooLarge,
    DeadlinePassed,
    InferenceFailed,
    NotDecodable,
    TooLarge,
    UnsupportedType,
    WrongTensor,
)
from torchferry.serving.torchserve.grpc_failure import LOGGED, fail_grpc


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        *((kind, 400) for kind in (NotDecodable, UnsupportedType, WrongTensor)),
        *((kind, 413) for kind in (TooLarge, AnswerTooLarge)),
        (InferenceFailed, 500),
        (DeadlinePassed, 504),
    ],
)
def test_each_error_has_a_number(kind: type[Exception], number: int) -> None:
    with pytest.raises(PredictionException) as failed:
        fail_grpc(kind("why"))
    assert (failed.value.error_code, failed.value.message) == (number, "why")


def test_clients_mistakes_are_not_logged_and_all_else_is(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(PredictionException):
        fail_grpc(NotDecodable("why"))
    log = logging.getLogger("ts.service")
    with caplog.at_level(logging.INFO, "ts.service"):
        log.error(LOGGED)
        log.error("System out of memory")
    assert [record.message for record in caplog.records] == ["System out of memory"]
