"""Inputs that take files and texts as servers tell them: in metadata, and as the JSON schema of a sample."""

from collections.abc import Sequence
from typing import Any

from torchferry.contract.axes import Axis
from torchferry.serving.bundle.tensor_spec import TensorSpec, TextDecode

FILE = {
    "type": "object",
    "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
    "required": ["b64"],
    "additionalProperties": False,
}
TEXT = {"type": "string", "minLength": 1}
MEDIA = {"image": "image/*", "text": "text/plain", "audio": "audio/*"}
"""Of a body that is a file or a text alone."""


def described(inputs: Sequence[TensorSpec]) -> dict[str, dict[str, Any]]:
    """By name, how a file or a text becomes the tensor, and how long it may be."""
    return {spec.name: _described(spec) for spec in inputs if spec.decode}


def _described(spec: TensorSpec) -> dict[str, Any]:
    if spec.image:
        sides = {name: _bounds(value) for name, value in vars(spec.image).items() if isinstance(value, Axis)}
        return vars(spec.image) | sides | {"fill": list(spec.image.fill)}
    return vars(spec.decode) | {axis.name: _bounds(axis) for axis in spec.axes}


def _bounds(axis: Axis) -> dict[str, int | None]:
    said = {"least": axis.least, "most": axis.most}
    return said if axis.step == 1 else said | {"step": axis.step}


def media_type(inputs: Sequence[TensorSpec]) -> str:
    """Of a body that is one sample, which says whose it is only where there is one input; empty where none is."""
    (only, *others) = inputs
    return MEDIA[only.decode.kind] if only.decode and not others else ""


def sample_schemas(inputs: Sequence[TensorSpec]) -> list[dict[str, Any]]:
    """JSON schemas of bodies with samples of which one or more are files or texts."""
    sample = instance_schema(inputs)
    several = [_object("instances", _list(sample))]
    if len(inputs) > 1:
        return several
    if isinstance(inputs[0].decode, TextDecode):
        return [TEXT, _object("text", TEXT), _list(TEXT), *several]
    return [FILE, *several]


def instance_schema(inputs: Sequence[TensorSpec]) -> dict[str, Any]:
    """Of a sample: by name where there are several inputs."""
    values = {spec.name: _value(spec) for spec in inputs}
    if len(inputs) == 1:
        return values[inputs[0].name]
    return {"type": "object", "properties": values, "required": list(values), "additionalProperties": False}


def _value(spec: TensorSpec) -> dict[str, Any]:
    numbers = {"type": "array"} if len(spec.shape) > 1 else {"type": ["number", "boolean", "null"]}
    if spec.decode is None:
        return numbers
    return {"anyOf": [TEXT if isinstance(spec.decode, TextDecode) else FILE, numbers]}


def _object(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: value}, "required": [name]}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}
