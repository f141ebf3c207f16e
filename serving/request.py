"""What a request asks for, from its body alone, and the answer to it: the same behind every server."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.bundle import Bundle
from serving.decode import decode_image
from serving.errors import NotDecodable
from serving.tensors import read_tensors, write_tensors

TOP_K = 5


@dataclass(frozen=True)
class Request:
    inputs: dict[str, np.ndarray]
    """By tensor name; the first axis is the batch."""
    wants_tensors: bool
    """Tensors are answered with tensors, an image with labels."""

    @property
    def size(self) -> int:
        """Samples in it."""
        return len(next(iter(self.inputs.values())))


def read_request(body: bytes, bundle: Bundle) -> Request:
    """An image file's bytes, or Open Inference Protocol JSON. Raises RequestError."""
    if body.lstrip()[:1] in (b"{", b"["):  # no image format starts like this
        return Request(read_tensors(body, bundle.inputs), wants_tensors=True)
    if bundle.decode is None:
        raise NotDecodable(f"{bundle.name} takes tensors as JSON, and this is none")
    return Request({bundle.inputs[0].name: decode_image(body, bundle.decode)[None]}, wants_tensors=False)


def answer(request: Request, outputs: Mapping[str, np.ndarray], bundle: Bundle, model: str) -> str:
    """The JSON text for the request's share of the outputs."""
    if request.wants_tensors or bundle.task == "tensors":
        return json.dumps({"model_name": model, "model_version": bundle.version} | write_tensors(outputs))
    return json.dumps({"model": model} | _labelled(outputs[bundle.outputs[0].name][0], bundle))


def _labelled(given: np.ndarray, bundle: Bundle) -> dict[str, Any]:
    """What one sample's output means: the best classes, or a value for each output."""
    labels = bundle.labels
    if bundle.task == "regression":
        return {"values": dict(zip(labels, map(float, given), strict=True))}
    probabilities = np.array([1 - given[0], given[0]]) if bundle.task == "binary" else given
    best = np.argsort(-probabilities, kind="stable")[:TOP_K]
    top = [{"label": labels[k], "probability": float(probabilities[k])} for k in best]
    return {**top[0], "top_k": top}
