"""Open Inference Protocol over REST: bodies to inferences and back, as JSON and with raw tensors behind it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import orjson

from torchferry.serving.codec.strings import texts
from torchferry.serving.codec.tensors import STRINGS, from_raw_alone, said_datatype, to_raw
from torchferry.serving.errors import NotDecodable
from torchferry.serving.onnx_server.http.json_pieces import MARK
from torchferry.serving.onnx_server.http.oip_head import Head, read_head
from torchferry.serving.onnx_server.inference import Inference, Shapes, Wanted
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.remembered import Remembered

KEPT_BYTES = 4096
"""Of a request's JSON that is kept."""
SLICE = 8192
"""Elements, which take 0.3 ms (35 ns for each float) and have 64 to 160 kB of JSON."""


def read(body: bytes, header_length: int | None, model: Model) -> Inference:
    """What a body asks for; `header_length` is how much of it is JSON, if raw tensors follow. Raises RequestError."""
    if header_length is None:
        return read_head(body, model).with_inputs(memoryview(b""))
    view = memoryview(body)
    if header_length == 0:
        everything = [Wanted(name, raw=True) for name in model.output_names]  # as Triton answers such a request
        return Inference(from_raw_alone(view, model.bundle.inputs), outputs=everything)
    if not 0 < header_length <= len(body):
        raise NotDecodable(f"Inference-Header-Content-Length is {header_length}; the body has {len(body)} bytes")
    text = body[:header_length]
    head = model.heads.get(text) or _read_head(text, model)
    return head.with_inputs(view[header_length:])


def _read_head(text: bytes, model: Model) -> Head:
    """And keep it, if nothing in it is the request's own."""
    head = read_head(text, model)
    if len(text) <= KEPT_BYTES and all(each.size is not None for each in head.declared):
        model.heads.keep(text, head)
        if head.asked.outputs and all(_is_of_one_size(output, model) for output in head.asked.outputs):
            head.asked.heads = Remembered()
    return head


def _is_of_one_size(output: Wanted, model: Model) -> bool:
    """Whether its bytes are as many for each answer of its shape: strings are of any length."""
    return output.raw and not output.classes and model.output_datatypes.get(output.name) != STRINGS


def write(asked: Inference, outputs: Mapping[str, np.ndarray], model: Model) -> tuple[bytes, int | None]:
    """The body, and how much of it is JSON if raw tensors follow."""
    if asked.heads:
        return _raw(asked, outputs, model, asked.heads)
    head, raw = _answer(asked, outputs, model, _data)
    text = _text(head)
    return (b"".join((text, *raw)), len(text)) if raw else (text, None)


def _raw(
    asked: Inference, outputs: Mapping[str, np.ndarray], model: Model, heads: Remembered[Shapes, bytes]
) -> tuple[bytes, int]:
    """The same of outputs that are all raw; of these the JSON says nothing but shapes."""
    shapes = tuple([values.shape for values in outputs.values()])
    text = heads.get(shapes) or heads.keep(shapes, _text(_answer(asked, outputs, model, _data)[0]))
    datatypes = model.output_datatypes
    return b"".join([text, *[to_raw(values, datatypes[name]) for name, values in outputs.items()]]), len(text)


def is_long(asked: Inference, outputs: Mapping[str, np.ndarray]) -> bool:
    """Whether the JSON of an answer takes more than one slice."""
    if asked.heads or sum([values.size for values in outputs.values()]) <= SLICE:  # most answers
        return False
    raw = {output.name for output in asked.outputs if output.raw}
    return sum(values.size for name, values in outputs.items() if name not in raw) > SLICE


def write_slices(
    asked: Inference, outputs: Mapping[str, np.ndarray], model: Model
) -> tuple[Iterator[bytes], list[bytes]]:
    """The JSON of `write` in pieces, none of which takes long, and the raw tensors behind it."""
    long: list[np.ndarray] = []

    def mark(values: np.ndarray) -> orjson.Fragment:
        long.append(values.ravel())
        return orjson.Fragment(MARK)

    head, raw = _answer(asked, outputs, model, mark)
    return _slices(_text(head).split(MARK), long), raw


def _slices(around: list[bytes], long: list[np.ndarray]) -> Iterator[bytes]:
    yield around[0]
    for values, after in zip(long, around[1:], strict=True):
        for start in range(0, values.size, SLICE):
            yield (b"," if start else b"[") + _text(_data(values[start : start + SLICE]))[1:-1]
        yield (b"]" if values.size else b"[]") + after


def _answer(
    asked: Inference, outputs: Mapping[str, np.ndarray], model: Model, data: Callable[[np.ndarray], Any]
) -> tuple[dict[str, Any], list[bytes]]:
    """The JSON object, with what `data` makes of a tensor's values, and the raw tensors."""
    raw, described = [], []
    wanted = {output.name: output for output in asked.outputs}
    for name, values in outputs.items():
        datatype = said_datatype(values, model.output_datatypes[name])
        tensor: dict[str, Any] = {"name": name, "datatype": datatype, "shape": values.shape}
        if name in wanted and wanted[name].raw:
            raw.append(to_raw(values, datatype))
            tensor["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            tensor["data"] = data(values)
        described.append(tensor)
    head: dict[str, Any] = {"model_name": model.name, "model_version": model.version, "outputs": described}
    if asked.id:
        head["id"] = asked.id
    return head, raw


def _data(values: np.ndarray) -> Any:
    if values.dtype == object:
        return texts(values.ravel()).tolist()
    return np.ascontiguousarray(values).ravel()


def _text(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
