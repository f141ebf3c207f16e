"""Asks a server with kserve's clients, unmodified: `with_kserve.py REST GRPC INPUTS.npz`.

Prints a JSON object with the probabilities that each way of asking gave.
"""

import asyncio
import json
import sys

import numpy as np
from kserve import (  # type: ignore[import-not-found]  # it has an environment of its own
    InferenceGRPCClient,
    InferenceRESTClient,
    InferInput,
    InferRequest,
    RESTConfig,
)


def request(images: np.ndarray, binary: bool) -> InferRequest:
    given = InferInput("image", list(images.shape), "UINT8")
    given.set_data_from_numpy(images, binary_data=binary)
    return InferRequest(model_name="digits", infer_inputs=[given], request_id="7")


async def main(rest: str, grpc: str, file: str) -> None:
    images = np.load(file)["image"]
    found: dict[str, list[list[float]]] = {}
    over_rest, over_grpc = InferenceRESTClient(RESTConfig(protocol="v2")), InferenceGRPCClient(grpc)
    assert await over_rest.is_server_live(rest)
    assert await over_rest.is_server_ready(rest)
    assert await over_rest.is_model_ready(rest, "digits")
    assert await over_grpc.is_server_live()
    assert await over_grpc.is_server_ready()
    assert await over_grpc.is_model_ready("digits")
    for binary in (False, True):
        for name, answer in (
            ("rest", await over_rest.infer(rest, request(images, binary), model_name="digits")),
            ("grpc", await over_grpc.infer(request(images, binary))),
        ):
            assert answer.id == "7"
            found[f"{name} {'raw' if binary else 'typed'}"] = answer.outputs[0].as_numpy().tolist()
    await over_rest.close()
    await over_grpc.close()
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
