"""An input as YAML and JSON can hold it, in model.yaml and fingerprint.json."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torchferry.contract.encoders import Encoder
from torchferry.training.data.source import (
    AudioInput,
    ImageInput,
    Input,
    SeriesInput,
    TableInput,
    TensorInput,
    TextInput,
)

INPUTS: dict[str, type[Input]] = {
    "image": ImageInput,
    "table": TableInput,
    "tensor": TensorInput,
    "text": TextInput,
    "audio": AudioInput,
    "series": SeriesInput,
}


def to_plain(input: Input) -> dict[str, Any]:
    kind = next(kind for kind, of in INPUTS.items() if isinstance(input, of))
    return {"kind": kind, **plain(asdict(input))}


def from_plain(content: Mapping[str, Any]) -> Input:
    """Raises LookupError, TypeError or ValueError for what is none."""
    given = as_tuples(content)
    if encoders := given.get("encoders"):
        given["encoders"] = tuple(Encoder(**as_tuples(each)) for each in encoders)
    return INPUTS[given.pop("kind")](**given)


def as_tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    """With tuples again where YAML and JSON have lists."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}


def plain(value: Any) -> Any:
    """Tuples as lists, because YAML's safe subset has no tuples."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, tuple | list) else value
