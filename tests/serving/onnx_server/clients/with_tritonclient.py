"""Asks a server with tritonclient's four clients, unmodified: `with_tritonclient.py REST GRPC INPUTS.npz`.

Prints a JSON object with the probabilities that each way of asking gave.
"""

import asyncio
import inspect
import json
import queue
import sys
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
import tritonclient.http.aio
from tritonclient.utils import InferenceServerException

OUTPUT = "probabilities"


async def now(answer: Any) -> Any:
    """What a call gives, of whichever kind its client is."""
    return await answer if inspect.isawaitable(answer) else answer


def inputs(module: Any, images: np.ndarray, **how: Any) -> list[Any]:
    given = module.InferInput("image", list(images.shape), "UINT8")
    given.set_data_from_numpy(images, **how)
    return [given]


async def whatever_the_protocol(module: Any, address: str, images: np.ndarray) -> dict[str, Any]:
    client = module.InferenceServerClient(address)
    assert await now(client.is_server_live())
    assert await now(client.is_server_ready())
    assert await now(client.is_model_ready("digits", "1.0"))
    for about in (client.get_server_metadata(), client.get_model_repository_index(), client.get_inference_statistics()):
        assert await now(about)
    assert "UINT8" in str(await now(client.get_model_metadata("digits")))
    assert "dims" in str(await now(client.get_model_config("digits")))
    given = inputs(module, images)
    for refused in (lambda: client.infer("nobody", given), lambda: client.load_model("digits")):
        try:
            await now(refused())
        except InferenceServerException as error:
            assert error.message(), error  # noqa: PT017
        else:
            raise AssertionError("it was not refused")
    answer = await now(client.infer("digits", given, request_id="7", priority=1, timeout=20_000_000))
    two = [module.InferRequestedOutput(OUTPUT, class_count=2)]
    best = (await now(client.infer("digits", given, outputs=two))).as_numpy(OUTPUT)
    assert best.shape == (len(images), 2)
    assert [int(text.split(b":")[1]) for text in best[:, 0]] == answer.as_numpy(OUTPUT).argmax(axis=1).tolist()
    await now(client.close())
    return {"infer": answer}


async def http_ways(module: Any, address: str, images: np.ndarray) -> dict[str, Any]:
    client = module.InferenceServerClient(address)
    raw, text = inputs(module, images), inputs(module, images, binary_data=False)
    as_text = [module.InferRequestedOutput(OUTPUT, binary_data=False)]
    ways = {
        "JSON there": await now(client.infer("digits", text)),
        "JSON back": await now(client.infer("digits", raw, outputs=as_text)),
        "gzip": await now(client.infer("digits", raw, request_compression_algorithm="gzip")),
        "deflate": await now(client.infer("digits", text, request_compression_algorithm="deflate")),
    }
    if module is tritonclient.http:
        ways["async_infer"] = client.async_infer("digits", raw).get_result()
    await now(client.close())
    return ways


async def grpc_ways(module: Any, address: str, images: np.ndarray) -> dict[str, Any]:
    client = module.InferenceServerClient(address)
    given = inputs(module, images)
    ways = {"gzip": await now(client.infer("digits", given, compression_algorithm="gzip"))}
    if module is tritonclient.grpc:
        answers: queue.Queue[Any] = queue.Queue()
        client.start_stream(lambda result, error: answers.put(error or result))
        for _ in range(2):  # each is sent when the one before is answered
            client.async_stream_infer("digits", given)
            ways["stream"] = answers.get(timeout=60)
        client.stop_stream()
    else:
        async for result, error in client.stream_infer(_once(model_name="digits", inputs=given)):
            ways["stream"] = error or result
    await now(client.close())
    return ways


async def _once(**request: Any) -> AsyncIterator[dict[str, Any]]:
    yield request


async def main(rest: str, grpc: str, file: str) -> None:
    images = np.load(file)["image"]
    found: dict[str, Any] = {}
    for name, module, address, more in (
        ("http", tritonclient.http, rest, http_ways),
        ("http.aio", tritonclient.http.aio, rest, http_ways),
        ("grpc", tritonclient.grpc, grpc, grpc_ways),
        ("grpc.aio", tritonclient.grpc.aio, grpc, grpc_ways),
    ):
        ways = await whatever_the_protocol(module, address, images) | await more(module, address, images)
        found |= {f"{name} {way}": answer.as_numpy(OUTPUT).tolist() for way, answer in ways.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
