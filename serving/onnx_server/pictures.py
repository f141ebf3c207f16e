"""Inputs that take files as servers tell them: in metadata, and as the JSON schema of an instance."""

from collections.abc import Sequence
from typing import Any

from torchferry.serving.bundle.tensor_spec import TensorSpec

FILE = {
    "type": "object",
    "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
    "required": ["b64"],
    "additionalProperties": False,
}


def described(inputs: Sequence[TensorSpec]) -> dict[str, dict[str, Any]]:
    """By name, how a file becomes the tensor."""
    return {spec.name: vars(spec.image) | {"fill": list(spec.image.fill)} for spec in inputs if spec.image}


def instance_schema(inputs: Sequence[TensorSpec]) -> dict[str, Any]:
    """JSON schema of a sample: by name where there are several inputs."""
    values = {spec.name: _value(spec) for spec in inputs}
    if len(inputs) == 1:
        return values[inputs[0].name]
    return {"type": "object", "properties": values, "required": list(values), "additionalProperties": False}


def _value(spec: TensorSpec) -> dict[str, Any]:
    numbers = {"type": "array"} if len(spec.shape) > 1 else {"type": ["number", "boolean", "null"]}
    return {"anyOf": [FILE, numbers]} if spec.image else numbers
