"""The Open Inference Protocol over gRPC: what the model takes is asked, and a first request has to be answered well."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.benchmarks.load.given import asked
from tests.benchmarks.load.peers import calls
from torchferry.benchmarks.load.inputs import RANDOM
from torchferry.benchmarks.load.oip_grpc import SERVICE, target
from torchferry.benchmarks.load.target import Target
from torchferry.errors import ServerFault, UserError

INPUT = {"name": "row", "datatype": "FP32", "shape": [-1, 4]}
ANSWER = messages.ModelInferResponse(model_name="planted").SerializeToString()
Answer = Callable[[bytes, Any], bytes]


def metadata(message: bytes, context: Any) -> bytes:
    asked_for = messages.ModelMetadataRequest.FromString(message)
    if asked_for.name != "planted":
        context.abort(grpc.StatusCode.NOT_FOUND, f"no model {asked_for.name}")
    return bytes(messages.ModelMetadataResponse(name="planted", inputs=[INPUT]).SerializeToString())


def fail(_: bytes, context: Any) -> bytes:
    context.abort(grpc.StatusCode.INTERNAL, "of\n two lines")
    return b""


def made_of(infer: Answer = lambda *_: ANSWER, metadata: Answer = metadata, server: Any = None, **given: Any) -> Target:
    told = server or messages.ServerMetadataResponse(name="planted", version="1")
    methods: dict[str, Answer] = {
        "ModelMetadata": metadata,
        "ServerMetadata": lambda *_: told.SerializeToString(),
        "ModelInfer": infer,
    }
    with calls(SERVICE.strip("/"), methods) as address:
        return target(asked(address, **given))


def test_the_requests_are_messages_of_the_tensors_that_the_model_takes() -> None:
    heard: list[bytes] = []

    def infer(message: bytes, _: Any) -> bytes:
        heard.append(message)
        return ANSWER

    made = made_of(infer, batch=2, version="7")
    assert heard == [made.requests[0]]
    request = messages.ModelInferRequest.FromString(made.requests[0])
    assert (request.model_name, request.model_version) == ("planted", "7")
    assert [(tensor.name, list(tensor.shape)) for tensor in request.inputs] == [("row", [2, 4])]
    assert (made.protocol, made.method, made.server) == ("grpc", f"{SERVICE}/ModelInfer", "planted 1")
    assert (made.answer_bytes, made.payload_bytes) == (len(ANSWER), len(made.requests[0]))
    assert (made.batch, len(set(made.requests))) == (2, RANDOM)


def test_arrays_of_a_file_are_sent(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", row=np.array([[1, 2, 3, 4]], np.float32))
    (request,) = made_of(input=tmp_path / "x.npz").requests
    (raw,) = messages.ModelInferRequest.FromString(request).raw_input_contents
    assert np.frombuffer(raw, np.float32).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"model": "nobody"}, UserError, "answered NOT_FOUND to .*: no model nobody"),
        ({"infer": fail}, ServerFault, "answered INTERNAL: of two lines"),
        ({"metadata": fail}, ServerFault, "answered INTERNAL: of two lines"),
        ({"metadata": lambda *_: b""}, UserError, "its metadata of planted name no input"),
    ],
)
def test_what_will_not_do_is_told_in_one_line(given: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        made_of(**given)


def test_a_server_may_keep_its_name_to_itself() -> None:
    assert made_of(server=messages.ServerMetadataResponse()).server is None
    assert made_of(server=messages.ServerMetadataResponse(name="x")).server == "x"
