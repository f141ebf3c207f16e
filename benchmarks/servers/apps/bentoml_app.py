"""A BentoML service as its documentation writes one: a class with an API, which takes a list so that it can batch.

`bentoml serve bentoml_app:Service --arg model=MODEL.onnx --arg threads=N --arg max_batch=N`; with a max_batch of 1
there is no batching. There is no delay to set: BentoML learns one, and max_latency_ms is when it gives a request up.
"""

import bentoml
import pydantic
from onnx_model import OnnxModel, decoded, encoded


class Arguments(pydantic.BaseModel):
    model: str
    threads: int
    max_batch: int


class Tensor(pydantic.BaseModel):
    datatype: str
    shape: list[int]
    data: str


arguments = bentoml.use_arguments(Arguments)
batching = {"batchable": True, "max_batch_size": arguments.max_batch} if arguments.max_batch > 1 else {}


@bentoml.service(workers=1)
class Service:
    def __init__(self) -> None:
        self.model = OnnxModel(arguments.model, arguments.threads)

    @bentoml.api(**batching)  # type: ignore[untyped-decorator] # which mypy cannot see
    def predict(self, requests: list[dict[str, Tensor]]) -> list[dict[str, list]]:
        inputs = [decoded({name: dict(tensor) for name, tensor in request.items()}) for request in requests]
        return [encoded(outputs) for outputs in self.model.run_together(inputs)]
