"""Open Inference Protocol over REST: bodies to inferences and back, as JSON and with raw tensors behind it."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import orjson

from torchferry.serving.codec.images import checked_files, files_in_json
from torchferry.serving.codec.json_objects import check_names_read, each_once
from torchferry.serving.codec.tensors import (
    DATATYPES,
    FORM,
    check_declared,
    check_names,
    from_json,
    from_raw,
    from_raw_alone,
    raw_elements,
    takes_files,
    to_raw,
)
from torchferry.serving.errors import NotDecodable, WrongParameter, WrongTensor
from torchferry.serving.onnx_server.http.json_pieces import MARK
from torchferry.serving.onnx_server.inference import Inference, Wanted, check_outputs, check_parameters, read_parameters
from torchferry.serving.onnx_server.models.model import Model

REQUEST = frozenset(("id", "parameters", "inputs", "outputs", "model_name", "model_version"))
"""KServe's client says the model in the body, too."""
TENSOR = frozenset(("name", "shape", "datatype", "data", "parameters"))
OUTPUT = frozenset(("name", "parameters"))
SLICE = 8192
"""Elements, which take 0.3 ms (35 ns for each float) and have 64 to 160 kB of JSON."""


def read(body: bytes, header_length: int | None, model: Model) -> Inference:
    """What a body asks for; `header_length` is how much of it is JSON, if raw tensors follow. Raises RequestError."""
    view = memoryview(body)
    if header_length == 0:
        everything = [Wanted(name, raw=True) for name in model.output_names]  # as Triton answers such a request
        return Inference(from_raw_alone(view, model.bundle.inputs), outputs=everything)
    if header_length is not None and not 0 < header_length <= len(body):
        raise NotDecodable(f"Inference-Header-Content-Length is {header_length}; the body has {len(body)} bytes")
    head = _json(body if header_length is None else body[:header_length])
    if model.bundle.table and "inputs" not in head:
        raise NotDecodable(f"the body is not JSON of the form {FORM}; records are taken at /predictions/{model.name}")
    check_names_read(head, REQUEST, "the request")
    for key, known in (("model_name", model.name), ("model_version", model.version)):
        if key in head and head[key] not in (None, "", known):
            raise WrongParameter(f"{key} is {head[key]!r}, and the request went to {known!r}")
    asked = Inference({}, id=_typed(head, "id", str, ""))
    read_parameters(parameters := _typed(head, "parameters", dict, {}), asked)
    asked.outputs = _wanted(head, _flag(parameters, "binary_data_output"), model)
    _read_inputs(_typed(head, "inputs", list), view[header_length:] if header_length else view[:0], model, asked)
    return asked


def write(asked: Inference, outputs: Mapping[str, np.ndarray], model: Model) -> tuple[bytes, int | None]:
    """The body, and how much of it is JSON if raw tensors follow."""
    head, raw = _answer(asked, outputs, model, _data)
    text = _text(head)
    return (b"".join((text, *raw)), len(text)) if raw else (text, None)


def is_long(asked: Inference, outputs: Mapping[str, np.ndarray]) -> bool:
    """Whether the JSON of an answer takes more than one slice."""
    if sum(values.size for values in outputs.values()) <= SLICE:  # most answers
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
        tensor: dict[str, Any] = {"name": name, "datatype": DATATYPES[values.dtype], "shape": values.shape}
        if name in wanted and wanted[name].raw:
            raw.append(to_raw(values))
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
        return [value.decode(errors="replace") for value in values.ravel()]
    return np.ascontiguousarray(values).ravel()


def _text(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def _read_inputs(tensors: list[Any], raw: memoryview, model: Model, asked: Inference) -> None:
    inputs: dict[str, np.ndarray] = {}
    files: dict[str, list[bytes]] = {}
    for tensor in tensors:
        name, parameters = _typed(tensor, "name", str), _typed(tensor, "parameters", dict, {})
        if name in inputs or name in files or name not in model.input_specs:
            check_names([name, *inputs, *files], model.bundle.inputs)
            raise WrongTensor(f"'{name}' is given twice")
        check_names_read(tensor, TENSOR, f"'{name}'")
        if parameters:
            check_parameters(parameters, ("binary_data_size",))
        spec = model.input_specs[name]
        size = parameters.get("binary_data_size")
        if size is not None and not (type(size) is int and 0 <= size <= len(raw)):
            raise WrongTensor(f"'{name}' has binary_data_size {size!r}; {len(raw)} bytes are left in the body")
        if size is not None and tensor.get("data") is not None:
            raise WrongTensor(f"'{name}' has data and binary_data_size; give one of them")
        data, raw = (None, raw) if size is None else (raw[:size], raw[size:])
        if takes_files(tensor.get("datatype"), spec):
            files[name] = _files(tensor, data, name)
        elif data is None:
            inputs[name] = from_json(tensor, spec)
        else:
            check_declared(tensor.get("datatype"), shape := tensor.get("shape"), spec)
            inputs[name] = from_raw(data, shape, spec)
    if len(raw):
        raise WrongTensor(f"{len(raw)} bytes of the body belong to no input; binary_data_size says which do")
    check_names([*inputs, *files], model.bundle.inputs)
    asked.inputs, asked.files = inputs, files


def _files(tensor: dict[str, Any], raw: memoryview | None, name: str) -> list[bytes]:
    if raw is None:
        return files_in_json(tensor, name)
    return checked_files(list(raw_elements(raw, name)), tensor.get("shape"), name)


def _wanted(head: dict[str, Any], raw_by_default: bool, model: Model) -> list[Wanted]:
    wanted = []
    for output in _typed(head, "outputs", list, []):
        parameters = _typed(output, "parameters", dict, {})
        check_names_read(output, OUTPUT, "an output")
        check_parameters(parameters, ("classification", "binary_data"))
        classes = parameters.get("classification", 0)
        if type(classes) is not int or classes < 0 or (classes == 0 and "classification" in parameters):
            raise WrongParameter(f"classification is {classes!r}; give how many classes are wanted")
        raw = _flag(parameters, "binary_data", raw_by_default)
        wanted.append(Wanted(_typed(output, "name", str), classes, raw))
    check_outputs(wanted)
    if not wanted and raw_by_default:
        return [Wanted(name, raw=True) for name in model.output_names]
    return wanted


def _json(text: bytes) -> dict[str, Any]:
    try:
        head = orjson.loads(text)
    except orjson.JSONDecodeError as error:  # also where lists lie in each other 1024 deep
        if b"NaN" not in text and b"Infinity" not in text:
            raise NotDecodable(f"the body is not JSON of the form {FORM}: {error}") from error
        # JSON has neither, and orjson takes neither; Python's json writes and reads both.
        head = _slowly(text)
    if not isinstance(head, dict):
        raise NotDecodable(f"the body is not JSON of the form {FORM}")
    # orjson takes the last of two values of one name. Each name has a colon behind it, so that where there are as many
    # names as colons there was none twice; a colon may also lie in a text, which is looked at again.
    if text.count(b":") != _names(head):
        _slowly(text)
    return head


def _slowly(text: bytes) -> Any:
    """Raises NotDecodable, and WrongTensor for an object that has a name twice."""
    try:
        return json.loads(text, object_pairs_hook=each_once)
    except (ValueError, RecursionError) as error:
        raise NotDecodable(f"the body is not JSON of the form {FORM}: {error}") from error


def _names(head: dict[str, Any]) -> int:
    """In the objects that the protocol has."""
    found = len(head) + _length(head.get("parameters"))
    for each in (*_list(head, "inputs"), *_list(head, "outputs")):
        if isinstance(each, dict):
            found += len(each) + _length(each.get("parameters"))
    return found


def _length(given: Any) -> int:
    return len(given) if isinstance(given, dict) else 0


def _list(head: dict[str, Any], key: str) -> list[Any]:
    given = head.get(key)
    return given if isinstance(given, list) else []


def _flag(given: Mapping[str, Any], key: str, default: bool = False) -> bool:
    value = given.get(key, default)
    if not isinstance(value, bool):
        raise WrongParameter(f"{key} is {value!r}; give true or false")
    return value


def _typed(given: Any, key: str, kind: type, default: Any = None) -> Any:
    """What stands under `key`, which must be of that kind; `default` where it is missing or null, if there is one."""
    value = given.get(key) if isinstance(given, dict) else None
    if value is None and default is not None:
        return default
    if not isinstance(value, kind):
        raise NotDecodable(f"the body is not JSON of the form {FORM}: '{key}' is missing or of another type")
    return value
