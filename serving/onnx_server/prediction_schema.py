"""Describes an answer of /predictions as JSON schema: as the task puts outputs into words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from torchferry.contract.tasks.ranking import NUMBER, as_object
from torchferry.contract.tasks.task import Task
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.sent_pixels import OF_SENT, OF_TENSORS

TEXT = {"type": "string"}
NOTES = {"type": "array", "items": TEXT, "description": "what was assumed of the samples"}
RELATED = {
    "type": "array",
    "items": {"type": "array", "items": NUMBER},
    "description": "of each sample to each, where instances ask for it with true",
}
SIZE = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0},
    "minItems": 2,
    "maxItems": 2,
    "description": f"height and width in pixels {OF_SENT}; {OF_TENSORS}",
}
TENSORS = {"$ref": "#/components/schemas/InferResponse"}


def prediction_schema(bundle: Bundle) -> Mapping[str, Any]:
    """Tensors are answered with tensors, one sample with what the model says of it, and more with a list."""
    if not bundle.task.has_words:
        return TENSORS
    try:
        said = json.loads(json.dumps(_said(bundle.task) if bundle.picture else bundle.task.schema()))
    except Exception as error:  # a user's task says it, and the other models are to be described all the same
        return {"description": f"not known: the task's schema fails ({type(error).__name__}: {error})"[:500]}
    one, several = {"model": TEXT, **said}, {"model": TEXT, "predictions": _list(_object(said))}
    related = dict.fromkeys(bundle.task.related, RELATED)
    answers = (
        _object({**one, "notes": NOTES}, tuple(one)),
        _object({**several, **related, "notes": NOTES}, tuple(several)),
    )
    return {"anyOf": [*answers, TENSORS]}


def _said(task: Task) -> dict[str, Any]:
    """Of a sample; as answers have it, with the size of the picture beside its places."""
    if task.parts:
        return {**task.schema(), **{part: as_object(_said(own)) for part, own in task.parts.items()}}
    return {**task.schema(), **({"size": SIZE} if task.places else {})}


def _object(properties: Mapping[str, Any], required: Sequence[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
    }


def _list(items: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "array", "items": items}
