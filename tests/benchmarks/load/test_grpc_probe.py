"""The gRPC probe before a run: errors as one line, of the caller or of the server; headers, proxies."""

from typing import Any

import grpc
import pytest

from tests.benchmarks.load.peers import calls, nobody
from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.benchmarks.load.grpc_probe import call, fault, metadata, open_channel
from torchferry.errors import ServerFault, UserError


class Refusal(grpc.RpcError):  # type: ignore[misc]
    def __init__(self, code: str, details: str | None = "of two\n  lines") -> None:
        self.words = grpc.StatusCode[code], details

    def code(self) -> Any:
        return self.words[0]

    def details(self) -> Any:
        return self.words[1]


class Refusing:
    """A channel whose every call ends with the same error."""

    def __init__(self, error: Refusal) -> None:
        self.error = error

    def unary_unary(self, _: str) -> Any:
        def refuse(*_: object, **__: object) -> None:
            raise self.error

        return refuse


ENDPOINT = parse_endpoint("server:7070", headers=["Authorization: Bearer Abc"])


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("UNAVAILABLE", UserError, "no answer over gRPC (of two lines); is a server up there?"),
        ("DEADLINE_EXCEEDED", UserError, "no answer over gRPC (of two lines); is a server up there?"),
        ("INVALID_ARGUMENT", UserError, "answered INVALID_ARGUMENT to /s/m: of two lines"),
        ("NOT_FOUND", UserError, "answered NOT_FOUND to /s/m: of two lines"),
        ("UNIMPLEMENTED", UserError, "answered UNIMPLEMENTED to /s/m: of two lines"),
        ("UNAUTHENTICATED", UserError, "answered UNAUTHENTICATED to /s/m: of two lines"),
        ("PERMISSION_DENIED", UserError, "answered PERMISSION_DENIED to /s/m: of two lines"),
        ("RESOURCE_EXHAUSTED", ServerFault, "answered RESOURCE_EXHAUSTED to /s/m: of two lines"),
    ],
)
def test_an_error_names_the_server_the_status_and_the_reason(code: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as error:
        call(Refusing(Refusal(code)), ENDPOINT, "/s/m", b"", 1)
    assert type(error.value) is kind
    assert str(error.value) == f"server:7070: {words}"


def test_an_internal_error_is_left_to_the_caller() -> None:
    error = Refusal("INTERNAL")
    with pytest.raises(Refusal) as left:
        call(Refusing(error), ENDPOINT, "/s/m", b"", 1)
    assert left.value is error
    assert str(fault(ENDPOINT, error)) == "server:7070: answered INTERNAL: of two lines"


def test_a_reason_is_cut_and_may_be_missing() -> None:
    assert str(fault(ENDPOINT, Refusal("INTERNAL", None))) == "server:7070: answered INTERNAL: "
    assert str(fault(ENDPOINT, Refusal("INTERNAL", "x" * 1000))).count("x") == 300


def test_the_message_and_the_headers_arrive_and_the_answer_comes_back() -> None:
    heard: list[Any] = []

    def answer(message: bytes, context: grpc.ServicerContext) -> bytes:
        heard.append((message, dict(context.invocation_metadata())["authorization"]))
        return b"answer"

    with calls("s", {"m": answer}) as address:
        endpoint = parse_endpoint(address, headers=["Authorization: Bearer Abc"])
        with open_channel(endpoint) as channel:
            assert call(channel, endpoint, "/s/m", b"message", 30) == b"answer"
    assert heard == [(b"message", "Bearer Abc")]


def test_no_proxy_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{nobody()}")
    monkeypatch.delenv("no_proxy", raising=False)
    with calls("s", {"m": lambda message, _: message}) as address:
        endpoint = parse_endpoint(address)
        with open_channel(endpoint) as channel:
            assert call(channel, endpoint, "/s/m", b"message", 30) == b"message"


def test_names_of_headers_are_in_lower_case_as_grpc_wants_them() -> None:
    assert metadata(ENDPOINT) == (("authorization", "Bearer Abc"),)
