"""Each protocol that the command line offers leads to a target of that protocol."""

from pathlib import Path

import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.benchmarks.load.given import asked
from tests.benchmarks.load.peers import calls, pages
from tests.benchmarks.load.test_oip_grpc import INPUT
from tests.benchmarks.load.test_rest import SERVER
from torchferry.benchmarks.load import oip_grpc
from torchferry.benchmarks.load.target import PROTOCOLS, prepare
from torchferry.serving.codec import predictions_grpc

OVER_GRPC = {"grpc", "grpc-predictions"}


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS.keys() - OVER_GRPC))
def test_over_http_a_target_sends_whole_requests(protocol: str) -> None:
    with pages({**SERVER, "/predictions/planted": b""}) as (url, _):
        made = prepare(protocol, asked(url))
    assert (made.protocol, made.method, made.model) == (protocol, None, "planted")
    assert made.requests[0].startswith(b"POST /")


def test_over_grpc_a_target_sends_messages_to_its_method(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"body")
    metadata = messages.ModelMetadataResponse(inputs=[INPUT]).SerializeToString()
    methods = {"ModelMetadata": lambda *_: metadata, "ServerMetadata": lambda *_: b"", "ModelInfer": lambda *_: b""}
    with calls(oip_grpc.SERVICE.strip("/"), methods) as address:
        assert prepare("grpc", asked(address)).method == f"{oip_grpc.SERVICE}/ModelInfer"
    with calls(predictions_grpc.SERVICE, {"Predictions": lambda *_: b""}) as address:
        made = prepare("grpc-predictions", asked(address, input=tmp_path / "body"))
    assert (made.protocol, made.method) == ("grpc-predictions", predictions_grpc.METHOD)
