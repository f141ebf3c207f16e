"""TorchServe's own API: a file's bytes are sent as they are, over REST and over gRPC."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.benchmarks.load.given import asked
from tests.benchmarks.load.peers import calls, nobody, pages
from tests.benchmarks.load.test_rest import METADATA, MODEL
from torchferry.benchmarks.load.inputs import RANDOM
from torchferry.benchmarks.load.predictions import grpc_target, rest_target
from torchferry.benchmarks.load.target import Asked, Target
from torchferry.errors import ServerFault, UserError
from torchferry.serving.codec import predictions_grpc


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two, of one byte and of four."""
    (tmp_path / "1").write_bytes(b"\x00")
    (tmp_path / "2").write_bytes(b"four")
    return tmp_path


def test_files_are_posted_as_they_are(files: Path) -> None:
    with pages({"/predictions/planted/3": b"answer"}) as (url, heard):
        made = rest_target(asked(url, version="3", input=files))
    assert [request.partition(b"\r\n\r\n")[2] for request in made.requests] == [b"\x00", b"four"]
    assert made.requests[0].startswith(b"POST /predictions/planted/3 HTTP/1.1\r\n")
    assert (made.protocol, made.answer_bytes, made.payload_bytes) == ("predictions", len("answer"), round(2.5))
    (sent,) = [request for request in heard if request.method == "POST"]
    assert (sent.body, sent.headers["Content-Type"]) == (b"\x00", "application/octet-stream")


def test_a_server_that_has_metadata_is_sent_random_tensors() -> None:
    with pages({MODEL: METADATA, "/predictions/planted": b""}) as (url, _):
        made = rest_target(asked(url))
    assert len(made.requests) == RANDOM
    assert b'"name": "row"' in made.requests[0]


def answer(body: bytes) -> Callable[[bytes, Any], bytes]:
    return lambda *_: predictions_grpc.Response(prediction=body).SerializeToString()


def refusal(code: str, words: str) -> Callable[[bytes, Any], bytes]:
    def refuse(_: bytes, context: Any) -> bytes:
        context.abort(grpc.StatusCode[code], words)
        return b""

    return refuse


def over_grpc(say: Callable[[bytes, Any], bytes], files: Path) -> Target:
    with calls(predictions_grpc.SERVICE, {"Predictions": say}) as address:
        return grpc_target(asked(address, version="3", input=files))


def test_a_message_carries_the_file_as_data(files: Path) -> None:
    made = over_grpc(answer(b"xyz"), files)
    request = predictions_grpc.Request.FromString(made.requests[1])
    assert (request.model_name, request.model_version, dict(request.input)) == ("planted", "3", {"data": b"four"})
    assert (made.protocol, made.method) == ("grpc-predictions", predictions_grpc.METHOD)
    assert (made.answer_bytes, made.payload_bytes) == (2 + len("xyz"), round(2.5))


@pytest.mark.parametrize(
    ("say", "kind", "words"),
    [
        (refusal("NOT_FOUND", "x"), UserError, "answered NOT_FOUND to"),
        (refusal("INTERNAL", "ModelNotFoundException: x"), UserError, "has no model 'planted'"),
        (refusal("INTERNAL", "of\n two lines"), ServerFault, "answered INTERNAL: of two lines"),
        (answer(b'{"error": "not today"}'), UserError, 'planted answered {"error": "not today"}'),
    ],
)
def test_a_first_answer_that_is_an_error_ends_it(
    files: Path, say: Callable[[bytes, Any], bytes], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as error:
        over_grpc(say, files)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("target", [rest_target, grpc_target])
def test_a_batch_is_refused_before_anything_is_sent(target: Callable[[Asked], Target]) -> None:
    with pytest.raises(UserError, match="--batch: TorchServe's API takes one sample a request"):
        target(asked(nobody(), batch=2))


def test_random_input_needs_metadata() -> None:
    words = "--input: .* has no metadata for random input; give a file"
    with pages({}) as (url, _), pytest.raises(UserError, match=words):
        rest_target(asked(url))
    with pytest.raises(UserError, match=words):
        grpc_target(asked(nobody()))
