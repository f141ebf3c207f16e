"""The requests of one sequence in a stream are begun in their order: several of a stream are worked on at a time, and
those that are read in threads would overtake each other."""

import asyncio
from typing import Any

from torchferry.serving.onnx_server.grpc.interfaces import InferRequest
from torchferry.serving.onnx_server.sequence_parameters import ID

Key = tuple[Any, ...]


class StreamOrder:
    def __init__(self) -> None:
        self.last: dict[Key, asyncio.Future[Any]] = {}
        """By sequence, the work on its latest request, if that is not done."""

    def before(self, request: InferRequest) -> asyncio.Future[Any] | None:
        """What has to be done before it is begun."""
        return self.last.get(key) if (key := _key(request)) else None

    def begun(self, request: InferRequest, work: asyncio.Future[Any]) -> None:
        if key := _key(request):
            self.last[key] = work
            work.add_done_callback(lambda done: self._done(key, done))

    def _done(self, key: Key, work: asyncio.Future[Any]) -> None:
        if self.last.get(key) is work:
            del self.last[key]


def _key(request: InferRequest) -> Key | None:
    """None of a request that is of no sequence. To read a parameter that is not there would put an empty one in."""
    if ID not in request.parameters:
        return None
    parameter = request.parameters[ID]
    kind = parameter.WhichOneof("parameter_choice")
    return (request.model_name, getattr(parameter, kind)) if kind else None
