"""A thousand texts of other lengths at once, over REST and gRPC: each is answered as if it was asked alone."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tritonclient.grpc import service_pb2_grpc

from tests.serving.onnx_server.asking import tensor
from tests.serving.onnx_server.calling import channel, infer_request, output_arrays
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.onnx_server.telemetry.scraping import value
from tests.serving.texts_bundle import MOST, expected, texts, written_texts
from tests.serving.wire import Connection, connections, in_loop

INFER = "/v2/models/texts/infer"
MODEL = {"model": "texts", "version": "1.0"}
REQUESTS, CALLERS = 1000, 32
TOO_LONG = np.ones((1, MOST + 1), np.int64)


def difference(outputs: Mapping[str, np.ndarray], ids: np.ndarray) -> float:
    wanted = expected(ids)
    assert {name: values.shape for name, values in outputs.items()} == {
        name: values.shape for name, values in wanted.items()
    }
    return max(float(np.abs(values - wanted[name]).max()) for name, values in outputs.items())


async def over_rest(address: str, asked: Sequence[np.ndarray]) -> list[float]:
    """How far each answer is from the right one; between them are some that are refused."""
    left, differences = list(asked), []

    async def send(client: Connection) -> None:
        while left:
            ids = left.pop()
            content = json.dumps({"inputs": [tensor("ids", ids)]}).encode()
            status, _, body = await client.post(INFER, content)
            assert status == 200, body
            given = json.loads(body)["outputs"]
            outputs = {each["name"]: np.array(each["data"]).reshape(each["shape"]) for each in given}
            differences.append(difference(outputs, ids))
            if len(left) % 20 == 0:
                refused = json.dumps({"inputs": [tensor("ids", TOO_LONG)]}).encode()
                status, _, body = await client.post(INFER, refused)
                assert (status, b"the model takes 1 to 512" in body) == (422, True)

    async with connections(address, CALLERS) as clients:
        await asyncio.gather(*map(send, clients))
    return differences


def over_grpc(address: str, asked: Sequence[np.ndarray]) -> list[float]:
    with channel(address) as opened, ThreadPoolExecutor(CALLERS) as callers:
        infer = service_pb2_grpc.GRPCInferenceServiceStub(opened).ModelInfer

        def ask_for(ids: np.ndarray) -> float:
            return difference(output_arrays(infer(infer_request("texts", {"ids": ids}), timeout=60)), ids)

        return list(callers.map(ask_for, asked))


@in_loop
async def test_each_of_a_thousand_texts_is_answered_as_if_alone(start_server: StartServer, tmp_path: Path) -> None:
    options = ("--max-batch", 16, "--max-delay-ms", 2)
    addresses = start_server(written_texts(tmp_path).root, options=options).wait_ready()
    asked = texts(REQUESTS)
    rest, by_grpc = await asyncio.gather(
        over_rest(addresses["rest"], asked[REQUESTS // 4 :]),
        asyncio.to_thread(over_grpc, addresses["grpc"], asked[: REQUESTS // 4]),
    )
    assert len(rest) + len(by_grpc) == REQUESTS
    assert max(*rest, *by_grpc) < 1e-4
    tokens = sum(ids.size for ids in asked)
    assert value(addresses, "axis_size_count", **MODEL, axis="tokens") == REQUESTS
    assert value(addresses, "axis_size_sum", **MODEL, axis="tokens") == tokens
    assert value(addresses, "elements_total", **MODEL) == tokens
    padding = value(addresses, "padding_elements_total", **MODEL)
    assert 0 < padding <= tokens / 3, "a quarter of what is computed may be padding"
    assert value(addresses, "batch_size_sum", **MODEL) > 1.5 * REQUESTS
