"""The JSON of a request: what it asks for, and what it declares of each tensor, apart from the elements behind it.

Clients that send raw tensors send the same JSON again and again; what it says is then read once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.encoded import checked_samples, encoded_in_json
from torchferry.serving.codec.json_objects import check_containers, check_names_read, each_once
from torchferry.serving.codec.strings import raw_elements
from torchferry.serving.codec.tensors import (
    FORM,
    check_declared,
    check_names,
    from_json,
    from_raw,
    takes_files,
)
from torchferry.serving.errors import NotDecodable, WrongParameter, WrongTensor
from torchferry.serving.onnx_server.inference import Inference, Wanted, check_outputs, check_parameters, read_parameters
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.sequence_parameters import InSequence

REQUEST = frozenset(("id", "parameters", "inputs", "outputs", "model_name", "model_version"))
"""KServe's client says the model in the body, too."""
TENSOR = frozenset(("name", "shape", "datatype", "data", "parameters"))
OUTPUT = frozenset(("name", "parameters"))


@dataclass(frozen=True, slots=True)
class Declared:
    """A tensor as the JSON has it."""

    tensor: dict[str, Any]
    spec: TensorSpec
    size: int | None
    """Of its part of the raw bytes; None if the JSON has its data."""
    holds_files: bool
    most: int
    """Samples that a request may have."""

    def values(self, raw: memoryview) -> np.ndarray:
        """Raises WrongTensor or TooLarge."""
        if self.size is None:
            return from_json(self.tensor, self.spec)
        return from_raw(raw, self.tensor["shape"], self.spec)

    def files(self, raw: memoryview) -> list[bytes]:
        """Raises WrongTensor or TooLarge."""
        if self.size is None:
            return encoded_in_json(self.tensor, self.spec, self.most)
        return checked_samples(raw_elements(raw, self.spec.name, self.most), self.tensor.get("shape"), self.spec)


@dataclass(frozen=True, slots=True)
class Head:
    asked: Inference
    """Without its inputs."""
    declared: Sequence[Declared]

    def with_inputs(self, raw: memoryview) -> Inference:
        """What is asked, of the elements in `raw`, where each tensor's follow those of the one before. Raises
        RequestError."""
        inputs: dict[str, np.ndarray] = {}
        files: dict[str, list[bytes]] = {}
        for each in self.declared:
            own = raw
            if size := each.size:
                if size > len(raw):
                    text = f"'{each.spec.name}' has binary_data_size {size}; {len(raw)} bytes are left in the body"
                    raise WrongTensor(text)
                own, raw = raw[:size], raw[size:]
            elif size == 0:
                own = raw[:0]
            if each.holds_files:
                files[each.spec.name] = each.files(own)
            else:
                inputs[each.spec.name] = each.values(own)
        if len(raw):
            raise WrongTensor(f"{len(raw)} bytes of the body belong to no input; binary_data_size says which do")
        return self.asked.of(inputs, files)


def read_head(text: bytes, model: Model) -> Head:
    """Raises RequestError."""
    head = _json(text)
    if model.bundle.table and "inputs" not in head:
        raise NotDecodable(f"the body is not JSON of the form {FORM}; records are taken at /predictions/{model.name}")
    check_names_read(head, REQUEST, "the request")
    for key, known in (("model_name", model.name), ("model_version", model.version)):
        if key in head and head[key] not in (None, "", known):
            raise WrongParameter(f"{key} is {head[key]!r}, and the request went to {known!r}")
    asked = Inference({}, id=_typed(head, "id", str, ""))
    read_parameters(parameters := _typed(head, "parameters", dict, {}), asked)
    asked.outputs = _wanted(head, _flag(parameters, "binary_data_output"), asked.sequence, model)
    return Head(asked, _declared(_typed(head, "inputs", list), asked.sequence, model))


def _declared(tensors: list[Any], sequence: InSequence | None, model: Model) -> list[Declared]:
    names: list[str] = []
    declared = []
    for tensor in tensors:
        name, parameters = _typed(tensor, "name", str), _typed(tensor, "parameters", dict, {})
        if name in names or name not in model.input_specs:
            check_names([*names, name], model.bundle.inputs)
            raise WrongTensor(f"'{name}' is given twice")
        names.append(name)
        check_names_read(tensor, TENSOR, f"'{name}'")
        if parameters:
            check_parameters(parameters, ("binary_data_size",))
        spec, size = model.input_specs[name], parameters.get("binary_data_size")
        if size is not None and not (type(size) is int and size >= 0):
            raise WrongTensor(f"'{name}' has binary_data_size {size!r}; give how many bytes of the body are its own")
        if size is not None and tensor.get("data") is not None:
            raise WrongTensor(f"'{name}' has data and binary_data_size; give one of them")
        holds_files = takes_files(tensor.get("datatype"), spec)
        if not (holds_files or size is None):
            check_declared(tensor.get("datatype"), tensor.get("shape"), spec)
        declared.append(Declared(tensor, spec, size, holds_files, model.most_samples))
    check_names(names, model.sequences.brought(sequence, names) if sequence else model.bundle.inputs)
    return declared


def _wanted(head: dict[str, Any], raw_by_default: bool, sequence: InSequence | None, model: Model) -> list[Wanted]:
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
        names = model.sequences.answered(model.output_names) if sequence else model.output_names
        return [Wanted(name, raw=True) for name in names]
    return wanted


def _json(text: bytes) -> dict[str, Any]:
    check_containers(text)
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
