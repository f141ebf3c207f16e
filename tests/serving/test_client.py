"""Both protocols give the same answers and the same refusals; whatever goes wrong names the server."""

import json
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest

from tests.serving.peers import LOOPBACK, Peer, grpc_peer, http_peer
from torchferry.contract.tasks.classes import Classification
from torchferry.contract.tasks.tensors import Tensors
from torchferry.errors import ServerFault, UserError
from torchferry.serving.client import Client, Denied, GrpcClient, Refused, RestClient, TooMany, Unavailable
from torchferry.serving.patience import Patience

LABELS = {"label": "7", "probability": 0.75, "top_k": []}
CODES = grpc.StatusCode


class Says(Client):
    """Gets `body` from nobody."""

    def __init__(self, body: bytes) -> None:
        super().__init__("nobody", 1)
        self.body, self.sent, self.closed = body, ("", b""), False

    def send(self, model: str, body: bytes, top_k: int | None = None) -> bytes:
        self.sent, self.top_k = (model, body), top_k
        return self.body

    def step(self, model: str, inputs: Any, parameters: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def rest() -> Iterator[Peer]:
    with http_peer() as peer:
        yield peer


@pytest.fixture
def over_grpc() -> Iterator[Peer]:
    with grpc_peer() as peer:
        yield peer


def test_a_block_closes_the_client() -> None:
    with Says(b"") as client:
        assert not client.closed
    assert client.closed


def test_an_image_gets_its_labels() -> None:
    client = Says(json.dumps(LABELS).encode())
    assert client.predict("digits", b"image") == LABELS
    assert client.sent == ("digits", b"image")


def test_an_image_may_have_several_labels() -> None:
    several = {"labels": ["cat", "dog"], "probabilities": {"ant": 0.25, "cat": 0.75, "dog": 0.5}}
    assert Says(json.dumps(several).encode()).predict("pets", b"image") == several


def test_tensors_are_sent_and_come_back_as_arrays() -> None:
    output = {"name": "y", "shape": [1, 2], "datatype": "FP32", "data": [0.25, 0.75]}
    client = Says(json.dumps({"outputs": [output]}).encode())
    outputs = client.infer("digits", {"x": np.array([[1, 2]], np.uint8)})
    assert json.loads(client.sent[1]) == {
        "inputs": [{"name": "x", "shape": [1, 2], "datatype": "UINT8", "data": [1, 2]}]
    }
    assert outputs["y"].dtype == np.float32
    assert outputs["y"].tolist() == [[0.25, 0.75]]


def test_all_labels_are_asked_for_where_their_numbers_are_read() -> None:
    answer = {"label": "b", "probability": 0.75, "top_k": [{"label": "b", "probability": 0.75}]}
    answer["top_k"] += [{"label": "a", "probability": 0.25}]  # type: ignore[operator]
    client = Says(json.dumps(answer).encode())
    task = Classification(labels=("a", "b"))
    assert client.arrays("digits", b"image", task)["probabilities"].tolist() == [0.25, 0.75]
    assert client.top_k == 2


def test_tensors_are_read_without_their_batch() -> None:
    output = {"name": "y", "shape": [1, 2], "datatype": "FP32", "data": [0.25, 0.75]}
    client = Says(json.dumps({"outputs": [output]}).encode())
    assert client.arrays("digits", b"image", Tensors(of_output={"y": None}))["y"].tolist() == [0.25, 0.75]


def test_a_file_is_asked_for_by_name_and_type(rest: Peer) -> None:
    with RestClient(f"http://{LOOPBACK}:{rest.port}") as client:
        rest.content = b"a mask"
        assert client.file("roads", b"image") == b"a mask"
        ((path, headers, body),) = rest.seen
        assert (path, headers["Accept"], body) == ("/predictions/roads?form=png", "image/png", b"image")
        rest.kind = "application/json"
        with pytest.raises(Refused, match="roads answered in JSON and not with a png; its task has no such form"):
            client.file("roads", b"image")


def test_an_answer_with_tensors_asks_whether_an_image_was_sent() -> None:
    with pytest.raises(
        Refused, match="nobody: digits answered with tensors; was it sent the bytes of a file that it takes"
    ):
        Says(b'{"outputs": []}').predict("digits", b"")


def test_an_error_in_the_body_alone_is_a_refusal() -> None:
    with pytest.raises(Refused, match=r"^nobody: digits answered 422: the model takes UINT8$"):
        Says(b'{"error": 422, "detail": "the model takes UINT8"}').predict("digits", b"")


@pytest.mark.parametrize("body", [b"<html>", b"", b"3", b"[1]", b"null"])
def test_what_is_no_json_object_is_the_servers_fault(body: bytes) -> None:
    with pytest.raises(ServerFault, match="nobody: digits did not answer with a JSON object, but b"):
        Says(body).predict("digits", b"")


def test_rest_posts_the_body_to_the_models_path(rest: Peer) -> None:
    rest.content = b"answer"
    with RestClient(f"http://{LOOPBACK}:{rest.port}/", headers={"X-Request-Id": "mine"}) as client:
        assert client.send("digits", b"image") == b"answer"
    ((path, headers, body),) = rest.seen
    assert (path, body) == ("/predictions/digits", b"image")
    assert (headers["Content-Type"], headers["X-Request-Id"]) == ("application/octet-stream", "mine")


@pytest.mark.parametrize(
    ("status", "content", "kind", "words"),
    [
        (404, b'{"error": "NOT_FOUND", "detail": "there is no digits"}', Refused, "404: there is no digits$"),
        (429, b'{"code": 429, "message": "too many"}', Refused, "429: too many$"),
        (500, b"<h1>Oh\n  no</h1>", ServerFault, "500: <h1>Oh no</h1>$"),
        (503, b"", ServerFault, "503: it gave no reason$"),
        (307, b"[1]", ServerFault, r"307: \[1\]$"),
        (400, b"x" * 1000, Refused, "400: x{300}$"),
    ],
)
def test_over_rest_4xx_is_a_refusal_and_anything_else_a_fault(
    rest: Peer, status: int, content: bytes, kind: type[Exception], words: str
) -> None:
    rest.status, rest.content = status, content
    with RestClient(f"http://{LOOPBACK}:{rest.port}") as client, pytest.raises(kind, match=f"digits answered {words}"):
        client.send("digits", b"image")


@pytest.mark.parametrize("url", ["http://", "gopher://x", "http://127.0.0.1:99999"])
def test_what_is_no_url_is_told_what_would_be_one(url: str) -> None:
    with RestClient(url) as client, pytest.raises(UserError, match=r"is not a URL like http://127\.0\.0\.1:8080"):
        client.send("digits", b"")


@pytest.mark.parametrize("kind", [RestClient, GrpcClient])
def test_a_server_that_is_not_there_is_named(kind: type[RestClient | GrpcClient]) -> None:
    where = "http://127.0.0.1:1" if kind is RestClient else "127.0.0.1:1"
    with (
        kind(where, timeout=5) as client,
        pytest.raises(UserError, match=f"^{where}: no answer .*torchferry up starts"),
    ):
        client.predict("digits", b"")


def test_over_grpc_the_body_goes_under_data(over_grpc: Peer) -> None:
    over_grpc.content = json.dumps(LABELS).encode()
    with GrpcClient(f"{LOOPBACK}:{over_grpc.port}") as client:
        assert client.predict("digits", b"\xff") == LABELS
    (request,) = over_grpc.seen
    assert (request.model_name, dict(request.input)) == ("digits", {"data": b"\xff"})


@pytest.mark.parametrize(
    ("code", "details", "kind", "words"),
    [
        (
            CODES.INVALID_ARGUMENT,
            '{"detail": "not an image"}',
            Refused,
            "digits answered INVALID_ARGUMENT: not an image$",
        ),
        (CODES.UNAUTHENTICATED, "no token", Denied, "digits answered UNAUTHENTICATED: no token$"),
        (CODES.RESOURCE_EXHAUSTED, "full", Refused, "digits answered RESOURCE_EXHAUSTED: full$"),
        (CODES.NOT_FOUND, "", Denied, "has no model 'digits'$"),
        (CODES.INTERNAL, "ModelNotFoundException", Denied, "has no model 'digits'$"),
        (CODES.INTERNAL, "", ServerFault, "digits answered INTERNAL: it gave no reason$"),
        (CODES.UNAVAILABLE, "draining", UserError, r"no answer \(UNAVAILABLE\); is a server up there"),
    ],
)
def test_over_grpc_a_code_says_whose_mistake_it_is(
    over_grpc: Peer, code: grpc.StatusCode, details: str, kind: type[Exception], words: str
) -> None:
    over_grpc.status, over_grpc.content = code, details.encode()
    with (
        GrpcClient(f"{LOOPBACK}:{over_grpc.port}") as client,
        pytest.raises(kind, match=f"^{LOOPBACK}:{over_grpc.port}: {words}") as raised,
    ):
        client.send("digits", b"image")
    assert raised.type is kind


def test_what_holds_for_every_request_is_told_apart(rest: Peer) -> None:
    with RestClient(f"http://{LOOPBACK}:{rest.port}") as client:
        for status, kind in ((401, Denied), (403, Denied), (404, Denied), (400, Refused), (422, Refused)):
            rest.status = status
            with pytest.raises(Refused) as raised:
                client.send("digits", b"image")
            assert raised.type is kind


class Patient(Patience):
    """Says yes so many times, and keeps what servers said; then it has none left."""

    def __init__(self, times: int) -> None:
        super().__init__(0)
        self.times, self.said = times, list[str | None]()

    def waits(self) -> Any:
        return self

    def again(self, retry_after: str | None) -> bool:
        self.said.append(retry_after)
        return len(self.said) <= self.times


@pytest.mark.parametrize(("status", "kind"), [(429, TooMany), (503, Unavailable)])
def test_a_server_that_is_too_busy_is_asked_again_while_there_is_patience(
    rest: Peer, status: int, kind: type[Exception]
) -> None:
    rest.status, patience = status, Patient(2)
    with RestClient(f"http://{LOOPBACK}:{rest.port}", patience=patience) as client, pytest.raises(kind):
        client.send("digits", b"image")
    assert (len(rest.seen), patience.said) == (3, [None] * 3)


def test_over_grpc_only_what_says_when_is_asked_again(over_grpc: Peer) -> None:
    over_grpc.status, patience = CODES.RESOURCE_EXHAUSTED, Patient(2)
    with GrpcClient(f"{LOOPBACK}:{over_grpc.port}", patience=patience) as client:
        with pytest.raises(Refused) as raised:
            client.send("digits", b"too large")
        assert (raised.type, len(over_grpc.seen)) == (Refused, 1)
        over_grpc.trailing = (("retry-after", "7"),)
        with pytest.raises(TooMany):
            client.send("digits", b"image")
        assert (len(over_grpc.seen), patience.said) == (4, ["7"] * 3)
        over_grpc.status = CODES.UNAVAILABLE
        with pytest.raises(Unavailable, match="digits answered UNAVAILABLE"):
            client.send("digits", b"image")


def test_over_grpc_headers_are_metadata_and_parts_go_beside_the_body(over_grpc: Peer) -> None:
    over_grpc.content = b"{}"
    where = f"{LOOPBACK}:{over_grpc.port}"
    with GrpcClient(where, headers={"X-Token": "mine"}, parts={"top_k": b"3"}) as client:
        assert client.ask("digits", b"image") == {}
    assert dict(over_grpc.seen[0].input) == {"data": b"image", "top_k": b"3"}
    assert over_grpc.metadata["x-token"] == "mine"
