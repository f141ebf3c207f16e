"""Requests made to cost more than they are worth, or to be paid for by others."""

import asyncio
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.server import Server
from tests.serving.altered import FAILS_AT, failing
from tests.serving.onnx_server.asking import arrays, ask
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.wire import INFER, PREDICT, body, connections, head, in_loop, outcomes
from torchferry.serving.bundle import bundle as bundles


def test_text_among_numbers_costs_no_memory(start_server: StartServer) -> None:
    """numpy would make each of the numbers as long as the text: these 40 KB of JSON would become 600 MB."""
    server = start_server()
    addresses = server.wait_ready()
    before = peak_mib(server)
    for path in (INFER, PREDICT):
        assert ask(addresses["rest"], path, body(data=["a" * 30_000] + [0] * 5_000)).status == 422
    assert peak_mib(server) < before + 64


def peak_mib(server: Server) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def test_an_id_that_no_header_can_hold_is_answered_in_the_body(served: dict[str, str]) -> None:
    for name in ("a\r\nSet-Cookie: b", "a" * 100_000, "é€"):
        answer = ask(served["rest"], INFER, {"id": name, "inputs": [{"name": "image", "shape": [1, 1, 8, 8]}]})
        assert answer.status == 422
        tensor = {"name": "image", "shape": [1, 1, 8, 8], "datatype": "UINT8", "data": [0] * 64}
        answer = ask(served["rest"], INFER, {"id": name, "inputs": [tensor]})
        assert answer.json["id"] == name
        assert len(answer.headers.get("X-Request-Id", "")) <= 128
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", [INFER, PREDICT])
def test_a_body_that_does_not_come_gives_its_place_back(start_server: StartServer, path: str) -> None:
    options = ("--body-timeout", 0.5, "--max-queue", 1, "--max-batch", 1)
    addresses = start_server(options=options).wait_ready()

    async def wait_for_nothing() -> None:
        async with connections(addresses["rest"], 2) as slow:  # as many as have room
            sent = [head(path, 1000), head(path, 1000) + b'{"inputs"']
            answers = await asyncio.gather(*(one.exchange(part) for one, part in zip(slow, sent, strict=True)))
            assert [status for status, _, _ in answers] == [408, 408]

    asyncio.run(wait_for_nothing())
    assert ask(addresses["rest"], INFER, body()).status == 200


def test_a_request_that_fails_harms_no_neighbour_of_its_batch(
    start_server: StartServer, bundle: Path, tmp_path: Path
) -> None:
    addresses = start_server(failing(bundle, tmp_path), options=("--max-delay-ms", 300, "--max-batch", 8)).wait_ready()
    inputs, expected = (next(iter(values.values())) for values in bundles.load(bundle).golden())
    white = np.full((1, 1, 8, 8), FAILS_AT, np.uint8)
    right = [body(data=sample.ravel().tolist()) for sample in inputs]
    with ThreadPoolExecutor(8) as pool:
        wrong = [pool.submit(ask, addresses["rest"], INFER, body(data=white.ravel().tolist())) for _ in range(2)]
        answers = list(pool.map(lambda sent: ask(addresses["rest"], INFER, sent), right))
    for answer in wrong:
        assert answer.result().status == 500
        assert "Reshape" in answer.result().json["detail"]
    answered = np.concatenate([arrays(answer)["probabilities"] for answer in answers])
    np.testing.assert_allclose(answered, expected, atol=1e-4)
    assert outcomes(addresses["metrics"]) == {"ok": len(right), "server_error": 2}


def test_a_large_image_is_still_answered(served: dict[str, str]) -> None:
    file = io.BytesIO()
    Image.new("L", (7_000, 7_000)).save(file, "PNG")
    assert ask(served["rest"], PREDICT, file.getvalue()).json["label"]


@in_loop
async def test_a_head_without_end_is_refused(served: dict[str, str]) -> None:
    async with connections(served["rest"], 1) as [client]:
        client.writer.write(b"GET /v2 HTTP/1.1\r\nX: ")
        await client.writer.drain()
        await asyncio.sleep(0.5)  # what comes together with its first line is not counted
        for _ in range(7):
            client.writer.write(bytes(10_000).replace(b"\0", b"x"))
            await client.writer.drain()
            await asyncio.sleep(0.01)  # in pieces, as httptools gets them
        status, headers, content = await client.answer()
    assert (status, headers["connection"]) == (431, "close")
    assert "65,536 bytes" in json.loads(content)["detail"]
