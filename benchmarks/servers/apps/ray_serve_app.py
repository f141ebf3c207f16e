"""A Ray Serve deployment as its documentation writes one: a class that is called with each request.

`python ray_serve_app.py MODEL.onnx THREADS PORT FOLDER MAX_BATCH DELAY_MS`; with a MAX_BATCH of 1 there is no batching.
FOLDER takes what Ray writes of its session. It is a cluster of one machine, without the dashboard.
"""

import sys

import ray
from onnx_model import OnnxModel, Tensors, decoded, encoded
from ray import serve
from starlette.requests import Request

MOST = 16  # requests at a replica; by itself it takes 5, fewer than a batch


class Model:
    def __init__(self, path: str, threads: int) -> None:
        self.model = OnnxModel(path, threads)

    async def __call__(self, request: Request) -> dict[str, list]:
        return encoded(self.model.run(decoded(await request.json())))


class Batching:
    def __init__(self, path: str, threads: int, max_batch: int, delay_ms: int) -> None:
        self.model = OnnxModel(path, threads)
        self.together.set_max_batch_size(max_batch)
        self.together.set_batch_wait_timeout_s(delay_ms / 1000)

    async def __call__(self, request: Request) -> dict[str, list]:
        return encoded(await self.together(decoded(await request.json())))

    @serve.batch  # type: ignore[untyped-decorator]
    async def together(self, requests: list[Tensors]) -> list[Tensors]:
        return list(self.model.run_together(requests))


if __name__ == "__main__":
    path, threads, port, folder, max_batch, delay_ms = sys.argv[1:]
    ray.init("local", include_dashboard=False, _temp_dir=folder)
    quiet = {"enable_access_log": False}
    serve.start(http_options={"host": "127.0.0.1", "port": int(port)}, logging_config=quiet)
    deployment = serve.deployment(max_ongoing_requests=MOST)
    if int(max_batch) > 1:
        application = deployment(Batching).bind(path, int(threads), int(max_batch), int(delay_ms))
    else:
        application = deployment(Model).bind(path, int(threads))
    serve.run(application, logging_config=quiet, blocking=True)
