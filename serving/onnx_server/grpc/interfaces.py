"""Types for mypy of the protocol's messages and of grpc.aio's objects, whose libraries bring none.

They name only the members that this package uses. An answer that is only made and handed on is annotated with its own
class.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableSequence, Sequence
from typing import NoReturn, Protocol, TypeVar

import grpc

Request = TypeVar("Request")
Response = TypeVar("Response")
Metadata = Sequence[tuple[str, str]]
"""Values are bytes for keys that end in -bin; none of these is read here."""


class Parameter(Protocol):
    """An InferParameter, which holds a value in one field of several."""

    bool_param: bool

    def WhichOneof(self, oneof_group: str, /) -> str | None: ...


Parameters = Mapping[str, Parameter]
"""To read a name that is not there puts an empty one in."""


class Contents(Protocol):
    """InferTensorContents."""

    bool_contents: Sequence[bool]
    int_contents: Sequence[int]
    int64_contents: Sequence[int]
    uint_contents: Sequence[int]
    uint64_contents: Sequence[int]
    fp32_contents: Sequence[float]
    fp64_contents: Sequence[float]
    bytes_contents: Sequence[bytes]


class InputTensor(Protocol):
    name: str
    datatype: str
    shape: Sequence[int]
    parameters: Parameters
    contents: Contents

    def HasField(self, field_name: str, /) -> bool: ...


class RequestedOutput(Protocol):
    name: str
    parameters: Parameters


class InferRequest(Protocol):
    """A ModelInferRequest."""

    model_name: str
    model_version: str
    id: str
    parameters: Parameters
    inputs: Sequence[InputTensor]
    outputs: Sequence[RequestedOutput]
    raw_input_contents: Sequence[bytes]

    def ByteSize(self) -> int: ...


class OutputTensors(Protocol):
    def add(self, *, name: str, datatype: str, shape: Sequence[int]) -> object: ...


class InferResponse(Protocol):
    """A ModelInferResponse."""

    parameters: Parameters
    outputs: OutputTensors
    raw_output_contents: MutableSequence[bytes]


class StreamResponse(Protocol):
    """A ModelStreamInferResponse."""

    error_message: str
    infer_response: InferResponse


class ModelRequest(Protocol):
    """A request for a model's readiness, metadata, configuration or statistics."""

    name: str
    version: str


class IndexRequest(Protocol):
    """A RepositoryIndexRequest."""

    ready: bool


class Context(Protocol):
    """Of a call that is being answered."""

    def peer(self) -> str: ...

    def invocation_metadata(self) -> Metadata | None: ...

    def time_remaining(self) -> float | None: ...

    def set_trailing_metadata(self, trailing: Metadata, /) -> None: ...

    async def abort(
        self, code: grpc.StatusCode, details: str, trailing: tuple[tuple[str, str], ...] = (), /
    ) -> NoReturn: ...


class Handler(Protocol[Request, Response]):
    """Of a method. Of the functions, each for one kind of methods, all but one are None."""

    request_streaming: bool
    response_streaming: bool
    response_serializer: Callable[[Response], bytes]
    unary_unary: Callable[[Request, Context], Awaitable[Response]]
    unary_stream: Callable[[Request, Context], Awaitable[None]]
    """It writes its answers itself."""
    stream_stream: Callable[[AsyncIterator[Request], Context], AsyncIterator[Response]]


class ParsingHandler(Handler[Request, Response], Protocol[Request, Response]):
    """One whose requests grpc.aio parses; without, they stay bytes."""

    request_deserializer: Callable[[bytes], Request]


class CallDetails(Protocol):
    """Of a call whose handler is looked for."""

    method: str
    invocation_metadata: Metadata | None


class Server(Protocol):
    """Of an engine."""

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler], /) -> None: ...

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler], /) -> None: ...

    def add_insecure_port(self, address: str, /) -> int: ...

    def add_secure_port(self, address: str, credentials: grpc.ServerCredentials, /) -> int: ...

    async def start(self) -> None: ...

    async def stop(self, grace: float | None, /) -> None: ...
