"""One HTTP request, with no client library between a test and the wire, and the protocol's JSON."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.strings import length, listed, strings
from torchferry.serving.codec.tensors import DATATYPES, STRINGS, dtype_of, from_raw

LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(server: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, method: str = "") -> Answer:
    """A POST if there is a body, which is sent as JSON, and says so, unless it is bytes."""
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=60)
    is_json = isinstance(body, dict | list)
    sent = json.dumps(body).encode() if is_json else body
    given = ({"Content-Type": "application/json"} if is_json else {}) | dict(headers or {})
    try:
        connection.request(method or ("GET" if body is None else "POST"), path, sent, given)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def tensor(name: str, values: np.ndarray, **change: Any) -> dict[str, Any]:
    """An input with flat data."""
    shape, datatype = list(values.shape), DATATYPES[values.dtype]
    return {"name": name, "shape": shape, "datatype": datatype, "data": listed(values.ravel())} | change


def raw_tensor(name: str, values: np.ndarray) -> dict[str, Any]:
    """An input whose elements follow the JSON."""
    described = tensor(name, values, parameters={"binary_data_size": length(values)})
    del described["data"]
    return described


def arrays(answer: Answer) -> dict[str, np.ndarray]:
    """The outputs of an answer, JSON or raw ones, by name."""
    assert answer.status == 200, answer.body
    end = int(answer.headers.get(LENGTH, len(answer.body)))
    rest, found = answer.body[end:], {}
    for output in json.loads(answer.body[:end])["outputs"]:
        shape = output["shape"]
        if (size := output.get("parameters", {}).get("binary_data_size")) is None:
            values = _values(output["data"], output["datatype"])
        else:
            spec = TensorSpec(name=output["name"], datatype=output["datatype"], shape=tuple(shape))
            values, rest = from_raw(rest[:size], shape, spec), rest[size:]
        found[output["name"]] = values.reshape(shape)
    assert not rest
    return found


def _values(data: list[Any], datatype: str) -> np.ndarray:
    return strings(np.array(data, object)) if datatype == STRINGS else np.array(data, dtype_of(datatype))
