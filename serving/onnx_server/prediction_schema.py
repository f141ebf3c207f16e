"""Describes an answer of /predictions as JSON schema: as `serving.codec.sample_answer` makes it of outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.sample_answer import has_words

TEXT = {"type": "string"}
NUMBER = {"type": ["number", "null"], "description": "null where it is NaN or infinite"}
NOTES = {"type": "array", "items": TEXT, "description": "what was assumed of the samples"}
TENSORS = {"$ref": "#/components/schemas/InferResponse"}


def prediction_schema(bundle: Bundle) -> Mapping[str, Any]:
    """Tensors are answered with tensors, one sample with what the model says of it, and more with a list."""
    if not has_words(bundle):
        return TENSORS
    said = _sample(bundle)
    answers = ({"model": TEXT, **said}, {"model": TEXT, "predictions": _list(_object(said))})
    return {"anyOf": [*(_object({**answer, "notes": NOTES}, tuple(answer)) for answer in answers), TENSORS]}


def _sample(bundle: Bundle) -> dict[str, Any]:
    """The properties of one sample's answer."""
    if bundle.task == "tensors":
        outputs = {spec.name: _output(spec.labels) for spec in bundle.outputs}
        return {"outputs": _object(outputs)}
    if bundle.task == "regression":
        return {"values": _object(dict.fromkeys(bundle.labels, NUMBER))}
    return _labelled(bundle.labels, "probability")


def _output(labels: Sequence[str] | None) -> Mapping[str, Any]:
    if not labels:
        return {"type": ["array", "number", "boolean", "null"], "description": "numbers in nested lists"}
    return _object(_labelled(labels, "score"))


def _labelled(labels: Sequence[str], number: str) -> dict[str, Any]:
    known = {"enum": [*sorted({*labels}), None], "description": "null where its number is NaN"}
    one = {"label": known, number: NUMBER}
    return {**one, "top_k": _list(_object(one))}


def _object(properties: Mapping[str, Any], required: Sequence[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
    }


def _list(items: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "array", "items": items}
