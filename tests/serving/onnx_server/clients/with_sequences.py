"""Feeds sequences to a server with tritonclient's clients, unmodified: `with_sequences.py REST GRPC`.

Prints a JSON object with what each way of asking was answered, piece by piece.
"""

import json
import queue
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

PIECES = 20


def piece(module: Any) -> list[Any]:
    given = module.InferInput("x", [1, 2], "FP32")
    given.set_data_from_numpy(np.ones((1, 2), np.float32))
    return [given]


def flags(number: int) -> dict[str, bool]:
    return {"sequence_start": number == 0, "sequence_end": number == PIECES - 1}


def fed(infer: Callable[..., Any], module: Any, word: int | str) -> list[float]:
    answers = [infer("adding", piece(module), sequence_id=word, **flags(number)) for number in range(PIECES)]
    return [float(answer.as_numpy("y")[0, 0]) for answer in answers]


def refused(infer: Callable[..., Any], module: Any) -> str:
    try:
        infer("adding", piece(module), sequence_id=12345)
    except InferenceServerException as error:
        return str(error.message())
    raise AssertionError("it was not refused")


def streamed(client: Any) -> dict[str, Any]:
    """Two sequences in one stream, without waiting for answers."""
    answers: queue.Queue[Any] = queue.Queue()
    client.start_stream(lambda result, error: answers.put(error or result))
    for number in range(PIECES):
        for word in (1, "one"):
            asked = {"sequence_id": word, "request_id": str(word)}
            client.async_stream_infer("adding", piece(tritonclient.grpc), **asked, **flags(number))
    client.async_stream_infer("adding", piece(tritonclient.grpc), sequence_id=1)
    found: dict[str, Any] = {"1": [], "one": []}
    for _ in range(2 * PIECES):
        answer = answers.get(timeout=60)
        found[answer.get_response().id].append(float(answer.as_numpy("y")[0, 0]))
    refusal = str(answers.get(timeout=60).message())
    client.stop_stream()
    return {"stream 1": found["1"], "stream one": found["one"], "stream refusal": refusal}


def main(rest: str, grpc: str) -> None:
    found: dict[str, Any] = {}
    for name, module, address in (("http", tritonclient.http, rest), ("grpc", tritonclient.grpc, grpc)):
        client = module.InferenceServerClient(address)
        assert "sequence" in str(client.get_server_metadata())
        assert "next_total" in str(client.get_model_config("adding"))
        found |= {f"{name} {word!r}": fed(client.infer, module, word) for word in (2**40, "a voice")}
        found[f"{name} refusal"] = refused(client.infer, module)
        if module is tritonclient.grpc:
            found |= streamed(client)
        client.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
