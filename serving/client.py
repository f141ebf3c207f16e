"""A client with the same verbs over REST and gRPC: `predict` sends a picture, a text or a sound, `infer` tensors."""

import json
import mimetypes
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import grpc
import numpy as np
import urllib3

from torchferry.contract.tasks.task import Task
from torchferry.errors import ServerFault, UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.codec.strings import strings
from torchferry.serving.codec.tensors import DATATYPES, STRINGS, dtype_of, from_raw, to_raw, write_tensors
from torchferry.serving.net.unix_sockets import SCHEME
from torchferry.serving.patience import NONE, Patience
from torchferry.serving.sequence import Sequence as Kept
from torchferry.serving.unix_http import UnixPool

INFER = "/inference.GRPCInferenceService/ModelInfer"
# What a server says over gRPC where it would say 4xx over HTTP.
REFUSALS = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.FAILED_PRECONDITION,
)
DENIALS = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED)
DENIED, TOO_MANY, UNAVAILABLE = (401, 403, 404, 405), 429, 503
RETRY_AFTER = "retry-after"


class Refused(UserError):
    """The server says that the request is wrong, or that it has no such model."""

    code = ""
    """The error's, over REST; serving/README.md lists them."""


class Denied(Refused):
    """It would say so of every request: there is no such model, or the caller may not ask it."""


class TooMany(Refused):
    """The server has too much to do, also after waiting for as long as there was patience."""


class Unavailable(ServerFault):
    """The same of a server that says 503."""


class Client(ABC):
    """What both protocols share. Use it in a `with` block, or call `close`."""

    def __init__(self, where: str, timeout: float, patience: Patience = NONE) -> None:
        """`patience`: how long a request that the server is too busy for is tried again."""
        self.where, self.timeout, self.patience = where, timeout, patience

    def predict(self, model: str, sample: bytes | str) -> dict[str, Any]:
        """What the model's task says of a text, or of the bytes of a picture's or a sound's file, such as
        {"label", "probability", "top_k"}.

        Raises UserError if the server cannot be reached, Refused for a 4xx answer, ServerFault otherwise.
        """
        answer = self.ask(model, _body(sample))
        if isinstance(answer.get("outputs"), list):
            what = "a text" if isinstance(sample, str) else "the bytes of a file"
            raise Refused(f"{self.where}: {model} answered with tensors; was it sent {what} that it takes?")
        return answer

    def arrays(self, model: str, sample: bytes | str, task: Task) -> dict[str, np.ndarray]:
        """The outputs by the task's names for a text or the bytes of a file, without the batch, read back from what the
        task says of it: a mask's classes, boxes, labels and scores, or the probability of every class. `task` is the
        model's, such as a bundle's.

        Raises as `predict` does, and UserError for a task whose words do not say its outputs.
        """
        answer = self._answer(model, self.send(model, _body(sample), top_k=_most_labels(task)))
        if not task.has_words:
            return {name: values[0] for name, values in _tensors(answer).items()}
        return dict(task.read(answer))

    def ask(self, model: str, body: bytes) -> dict[str, Any]:
        """The JSON object that answers a body of any kind that servers take; raises as `predict` does."""
        return self._answer(model, self.send(model, body))

    def infer(
        self, model: str, inputs: Mapping[str, np.ndarray], specs: Sequence[TensorSpec] = ()
    ) -> dict[str, np.ndarray]:
        """Outputs by name for inputs by name; raises as `predict` does."""
        given = {name: strings(values) if values.dtype.kind in "OSU" else values for name, values in inputs.items()}
        body = json.dumps(write_tensors(given, "inputs", specs)).encode()
        return _tensors(self.ask(model, body))

    def decodes(self, model: str) -> Mapping[str, Mapping[str, Any]] | None:  # noqa: ARG002
        """By the input's name how files and texts become it; None where the server does not say it: over gRPC no
        server does, and TorchServe does not."""
        return None

    def sequence(self, model: str, word: int | str | None = None) -> Kept:
        """Requests between which the server keeps the model's state, by an id that is new unless one is given."""
        return Kept(self, model, word)

    @abstractmethod
    def step(
        self, model: str, inputs: Mapping[str, np.ndarray], parameters: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        """Outputs by name, with parameters of the Open Inference Protocol, which TorchServe's call has not; raises as
        `predict` does."""

    @abstractmethod
    def send(self, model: str, body: bytes, top_k: int | None = None) -> bytes:
        """The body of the answer to `body`; with so many labels of a ranking, where that is said."""

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
    def __init__(
        self,
        url: str,
        timeout: float = 30,
        headers: Mapping[str, str] | None = None,
        ca: Path | None = None,
        patience: Patience = NONE,
    ) -> None:
        """`url` is the server's, such as http://127.0.0.1:8080, or unix:PATH for a socket; `headers` go with every
        request; `ca` is the PEM file of the authority behind https, if it is not one of the system's."""
        super().__init__(url.rstrip("/"), timeout, patience)
        self.headers = {"Content-Type": "application/octet-stream", **(headers or {})}
        trusted = str(ca) if ca else None
        named: dict[str, Any] = {"timeout": timeout, "retries": False, "maxsize": 64}
        is_unix = url.startswith(SCHEME)
        self.base = "" if is_unix else self.where
        self.pool: urllib3.PoolManager | UnixPool = (
            UnixPool(url.removeprefix(SCHEME), **named) if is_unix else urllib3.PoolManager(**named, ca_certs=trusted)
        )

    def file(self, model: str, body: bytes, form: str = "png") -> bytes:
        """The answer to one sample as a file, in a form that the model's task has, such as the PNG of a mask; raises as
        `predict` does, and Refused where a server answers in JSON all the same."""
        # TorchServe without a gateway hands no query on.
        media = mimetypes.guess_type(f"answer.{form}")[0] or "*/*"
        answer = self._sent(model, f"/predictions/{model}?form={quote(form)}", body, {"Accept": media})
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            why = "its task has no such form, or the server reads no ?form="
            raise Refused(f"{self.where}: {model} answered in JSON and not with a {form}; {why}")
        return answer.data

    def decodes(self, model: str) -> Mapping[str, Mapping[str, Any]] | None:
        try:
            answer = self.pool.request("GET", f"{self.base}/v2/models/{model}", headers=self.headers)
            said = json.loads(answer.data)["parameters"] if answer.status == 200 else None
            return None if said is None else dict(said.get("decode", {}))
        except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            return None  # whoever asks about a sample is told what is wrong

    def send(self, model: str, body: bytes, top_k: int | None = None) -> bytes:
        return self._sent(model, f"/predictions/{model}", body, {"X-Top-K": str(top_k)} if top_k else {}).data

    def step(
        self, model: str, inputs: Mapping[str, np.ndarray], parameters: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        body = json.dumps(write_tensors(inputs, "inputs") | {"parameters": dict(parameters)}).encode()
        kind = {"Content-Type": "application/json"}
        return _tensors(self._answer(model, self._sent(model, f"/v2/models/{model}/infer", body, kind).data))

    def _sent(self, model: str, path: str, body: bytes, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        waits = self.patience.waits()
        while True:
            answer = self._post(self.base + path, body, headers)
            if answer.status == 200:
                return answer
            if answer.status not in (TOO_MANY, UNAVAILABLE) or not waits.again(answer.headers.get(RETRY_AFTER)):
                raise self._error(answer.status, f"{self.where}: {model} answered {answer.status}: ", answer.data)

    def close(self) -> None:
        if isinstance(self.pool, UnixPool):
            self.pool.close()
        else:
            self.pool.clear()

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        try:
            return self.pool.request("POST", url, body=body, headers={**self.headers, **headers})
        except urllib3.exceptions.LocationValueError as error:
            raise UserError(f"{self.where}: is not a URL like http://127.0.0.1:8080") from error
        except urllib3.exceptions.SSLError as error:
            raise UserError(
                f"{self.where}: its certificate is not trusted ({error}); --ca names who signed it"
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(type(error).__name__) from error

    def _error(self, status: int, said: str, body: bytes) -> Exception:
        kinds: dict[int, type[Exception]] = dict.fromkeys(DENIED, Denied)
        kinds |= {TOO_MANY: TooMany, UNAVAILABLE: Unavailable}
        error = kinds.get(status, Refused if 400 <= status < 500 else ServerFault)(said + _detail(body))
        if isinstance(error, Refused):
            error.code = _code(body)
        return error


class GrpcClient(Client):
    def __init__(
        self,
        target: str,
        timeout: float = 30,
        headers: Mapping[str, str] | None = None,
        *,
        tls: bool = False,
        ca: Path | None = None,
        parts: Mapping[str, bytes] | None = None,
        patience: Patience = NONE,
    ) -> None:
        """`target` is the server's, such as 127.0.0.1:7070 or unix:PATH; `headers` go with each request as metadata,
        and `parts` beside its body; `ca` is as in `RestClient`."""
        super().__init__(target, timeout, patience)
        # Not through the proxy that http_proxy may name: servers are inside, and REST does not either.
        options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1)]
        if tls:
            trusted = grpc.ssl_channel_credentials(ca.read_bytes() if ca else None)
            self.channel = grpc.secure_channel(target, trusted, options)
        else:
            self.channel = grpc.insecure_channel(target, options)
        self.metadata = tuple((name.lower(), value) for name, value in (headers or {}).items())
        self.parts = dict(parts or {})
        self.predictions = predictions_grpc.predictions(self.channel)

    def send(self, model: str, body: bytes, top_k: int | None = None) -> bytes:
        parts = self.parts | ({"top_k": str(top_k).encode()} if top_k else {})
        request = predictions_grpc.Request(model_name=model, input={"data": body, **parts})
        return bytes(self._called(model, self.predictions, request).prediction)

    def step(
        self, model: str, inputs: Mapping[str, np.ndarray], parameters: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        from tritonclient.grpc import service_pb2 as messages  # which TorchServe's call does not need

        request = messages.ModelInferRequest(model_name=model)
        for name, values in inputs.items():
            datatype = DATATYPES[values.dtype]
            request.inputs.add(name=name, datatype=datatype, shape=values.shape)
            request.raw_input_contents.append(to_raw(values, datatype))
        for name, value in parameters.items():
            kind = {bool: "bool_param", int: "int64_param", str: "string_param"}[type(value)]
            setattr(request.parameters[name], kind, value)
        answers = messages.ModelInferResponse.FromString
        call = self.channel.unary_unary(INFER, messages.ModelInferRequest.SerializeToString, answers)
        response = self._called(model, call, request)
        return {
            output.name: from_raw(raw, list(output.shape), _spec(output))
            for output, raw in zip(response.outputs, response.raw_output_contents, strict=True)
        }

    def _called(self, model: str, call: Callable[..., Any], request: Any) -> Any:
        waits = self.patience.waits()
        while True:
            try:
                return call(request, timeout=self.timeout, metadata=self.metadata)
            except grpc.RpcError as error:
                said = {key: str(value) for key, value in error.trailing_metadata() or ()}
                if RETRY_AFTER not in said or not waits.again(said[RETRY_AFTER]):
                    raise self._error(model, error, is_busy=RETRY_AFTER in said) from error

    def close(self) -> None:
        self.channel.close()

    def _error(self, model: str, error: grpc.RpcError, *, is_busy: bool) -> Exception:
        code, details = error.code(), error.details() or ""
        if is_busy and code is grpc.StatusCode.UNAVAILABLE:
            return Unavailable(f"{self.where}: {model} answered {code.name}: {_detail(details.encode())}")
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return self._unreachable(code.name)
        if predictions_grpc.unknown_model(code, details):
            return Denied(f"{self.where}: has no model '{model}'")
        kind = TooMany if is_busy else Denied if code in DENIALS else Refused if code in REFUSALS else ServerFault
        return kind(f"{self.where}: {model} answered {code.name}: {_detail(details.encode())}")


def _body(sample: bytes | str) -> bytes:
    """A text goes as JSON, which says so over gRPC as well, whatever it begins with."""
    return json.dumps({"text": sample}).encode() if isinstance(sample, str) else sample


def _spec(output: Any) -> TensorSpec:
    return TensorSpec(name=output.name, datatype=output.datatype, shape=tuple(output.shape))


def _tensors(answer: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {
        tensor["name"]: _values(tensor["data"], tensor["datatype"]).reshape(tensor["shape"])
        for tensor in answer["outputs"]
    }


def _values(data: list[Any], datatype: str) -> np.ndarray:
    """Strings as bytes objects, as other clients of the protocol give them."""
    return strings(np.array(data, object)) if datatype == STRINGS else np.array(data, dtype_of(datatype))


def _most_labels(task: Task) -> int:
    """So many that no ranking of the task's is cut short."""
    return max(1, len(task.labels), *map(len, task.labels_by_output.values()))


def _detail(body: bytes) -> str:
    """The reason in an error's body, on one line: ours says `detail`, TorchServe's own says `message`."""
    try:
        content = json.loads(body)
        return str(content.get("detail") or content["message"])
    except (ValueError, KeyError, AttributeError):
        return " ".join(body.decode(errors="replace").split())[:300] or "it gave no reason"


def _code(body: bytes) -> str:
    try:
        return str(json.loads(body)["code"])
    except (ValueError, KeyError, TypeError):
        return ""
