"""The class of each error, by which a protocol picks a status and a command its exit code."""

import pytest

from torchferry.errors import GateError, ServerFault, UserError
from torchferry.serving import errors
from torchferry.serving.errors import (
    BundleError,
    CannotBuild,
    DeadlinePassed,
    InferenceFailed,
    Overloaded,
    RequestError,
    TryLater,
)

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
OF_REQUESTS: list[type[RequestError]] = sorted(
    (kind for kind in KINDS if issubclass(kind, RequestError)), key=lambda kind: kind.__name__
)


def test_a_damaged_bundle_is_wrong_input() -> None:
    assert issubclass(BundleError, UserError)


@pytest.mark.parametrize("kind", [DeadlinePassed, InferenceFailed, ServerFault, GateError, CannotBuild])
def test_what_is_nobodys_wrong_input_is_neither_the_clients_nor_the_users(kind: type[Exception]) -> None:
    assert not issubclass(kind, RequestError | UserError)


def test_no_mistake_is_both_a_requests_and_a_commands() -> None:
    assert len(OF_REQUESTS) > 5
    assert not [kind for kind in OF_REQUESTS if issubclass(kind, UserError)]


@pytest.mark.parametrize("kind", OF_REQUESTS)
def test_a_refusal_never_repeats_millions_of_letters(kind: type[RequestError]) -> None:
    refused = kind("x" * 10**6, 1) if issubclass(kind, TryLater) else kind("x" * 10**6)
    assert str(refused) == "x" * 500


def test_who_is_refused_for_load_is_told_when_to_come_again() -> None:
    refused = Overloaded("the queue is full", retry_after=3)
    assert (str(refused), refused.retry_after) == ("the queue is full", 3)


def test_no_two_kinds_have_one_code() -> None:
    codes = [kind.code for kind in OF_REQUESTS if kind is not TryLater] + [DeadlinePassed.code, InferenceFailed.code]
    assert len({*codes}) == len(codes)


def test_a_requests_half_letter_can_be_sent_back() -> None:
    assert str(RequestError("there is no column '\ud800'")) == "there is no column '?'"
