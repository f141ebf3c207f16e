"""A client with the same verbs over REST and gRPC: `predict` sends an image, `infer` sends tensors."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import grpc
import numpy as np
import urllib3

from torchferry.errors import ServerFault, UserError
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.codec.tensors import DTYPES, write_tensors

# What a server says over gRPC where it would say 4xx over HTTP.
REFUSALS = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNIMPLEMENTED,
)


class Refused(UserError):
    """The server says that the request is wrong, or that it has no such model."""


class Client(ABC):
    """What both protocols share. Use it in a `with` block, or call `close`."""

    def __init__(self, where: str, timeout: float) -> None:
        self.where, self.timeout = where, timeout

    def predict(self, model: str, image: bytes) -> dict[str, Any]:
        """{"label", "probability", "top_k"} for the bytes of an image file.

        Raises UserError if the server cannot be reached, Refused for a 4xx answer, ServerFault otherwise.
        """
        answer = self._answer(model, self.send(model, image))
        if "label" not in answer:
            raise Refused(f"{self.where}: {model} answered without a label; was it sent the bytes of an image?")
        return answer

    def infer(self, model: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for inputs by name; raises as `predict` does."""
        body = json.dumps(write_tensors(inputs, key="inputs")).encode()
        answer = self._answer(model, self.send(model, body))
        return {
            tensor["name"]: np.array(tensor["data"], DTYPES[tensor["datatype"]]).reshape(tensor["shape"])
            for tensor in answer["outputs"]
        }

    @abstractmethod
    def send(self, model: str, body: bytes) -> bytes:
        """The body of the answer to `body`."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _answer(self, model: str, body: bytes) -> dict[str, Any]:
        try:
            answer = dict(json.loads(body))
        except (ValueError, TypeError) as error:
            raise ServerFault(f"{self.where}: {model} did not answer with a JSON object, but {body[:80]!r}") from error
        if "error" in answer:  # TorchServe's gRPC has no status for one request, only this body
            raise Refused(f"{self.where}: {model} answered {answer['error']}: {_detail(body)}")
        return answer

    def _unreachable(self, reason: str) -> UserError:
        return UserError(f"{self.where}: no answer ({reason}); is a server up there? torchferry up starts one")


class RestClient(Client):
    def __init__(self, url: str, timeout: float = 30, headers: Mapping[str, str] | None = None) -> None:
        """`url` is the server's, such as http://127.0.0.1:8080; `headers` go with every request."""
        super().__init__(url.rstrip("/"), timeout)
        self.headers = {"Content-Type": "application/octet-stream", **(headers or {})}
        self.pool = urllib3.PoolManager(timeout=timeout, retries=False, maxsize=64)

    def send(self, model: str, body: bytes) -> bytes:
        try:
            answer = self.pool.request("POST", f"{self.where}/predictions/{model}", body=body, headers=self.headers)
        except urllib3.exceptions.LocationValueError as error:
            raise UserError(f"{self.where}: is not a URL like http://127.0.0.1:8080") from error
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(type(error).__name__) from error
        if answer.status == 200:
            return answer.data
        text = f"{self.where}: {model} answered {answer.status}: {_detail(answer.data)}"
        raise Refused(text) if 400 <= answer.status < 500 else ServerFault(text)

    def close(self) -> None:
        self.pool.clear()


class GrpcClient(Client):
    def __init__(self, target: str, timeout: float = 30) -> None:
        """`target` is the server's, such as 127.0.0.1:7070."""
        super().__init__(target, timeout)
        # Not through the proxy that http_proxy may name: servers are inside, and REST does not either.
        self.channel = grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)])
        self.predictions = predictions_grpc.predictions(self.channel)

    def send(self, model: str, body: bytes) -> bytes:
        request = predictions_grpc.Request(model_name=model, input={"data": body})
        try:
            return bytes(self.predictions(request, timeout=self.timeout).prediction)
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
            if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise self._unreachable(code.name) from error
            if predictions_grpc.unknown_model(code, details):
                raise Refused(f"{self.where}: has no model '{model}'") from error
            kind = Refused if code in REFUSALS else ServerFault
            raise kind(f"{self.where}: {model} answered {code.name}: {_detail(details.encode())}") from error

    def close(self) -> None:
        self.channel.close()


def _detail(body: bytes) -> str:
    """The reason in an error's body, on one line: ours says `detail`, TorchServe's own says `message`."""
    try:
        content = json.loads(body)
        return str(content.get("detail") or content["message"])
    except (ValueError, KeyError, AttributeError):
        return " ".join(body.decode(errors="replace").split())[:300] or "it gave no reason"
