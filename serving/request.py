"""What a request asks for, from its body alone, and the answer to it: the same behind every server."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.bundle import Bundle, TensorSpec
from serving.decode import decode_image
from serving.errors import NotDecodable, WrongTensor
from serving.tensors import DTYPES, check_declared, from_numbers, read_tensors, write_tensors

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
    """An image file's bytes, a table's rows as CSV, or Open Inference Protocol JSON. Raises RequestError."""
    if body.lstrip()[:1] in (b"{", b"["):  # neither images nor rows of numbers start like this
        return Request(read_tensors(body, bundle.inputs), wants_tensors=True)
    first = bundle.inputs[0]
    if bundle.decode:
        return Request({first.name: decode_image(body, bundle.decode)[None]}, wants_tensors=False)
    if len(bundle.inputs) == 1 and len(first.shape) == 2:
        return Request({first.name: _rows(body, first)}, wants_tensors=False)
    raise NotDecodable(f"{bundle.name} takes tensors as JSON, and this is none")


def answer(request: Request, outputs: Mapping[str, np.ndarray], bundle: Bundle, model: str) -> str:
    """The JSON text for the request's share of the outputs."""
    if request.wants_tensors or bundle.task == "tensors":
        return json.dumps({"model_name": model, "model_version": bundle.version} | write_tensors(outputs))
    values = [_labelled(sample, bundle) for sample in outputs[bundle.outputs[0].name]]
    return json.dumps({"model": model} | (values[0] if len(values) == 1 else {"predictions": values}))


def _rows(body: bytes, spec: TensorSpec) -> np.ndarray:
    """Lines of numbers with commas, without a heading."""
    try:
        rows = [list(map(float, row)) for row in csv.reader(body.decode().splitlines()) if row]
    except (ValueError, csv.Error) as error:
        raise NotDecodable(f"the body is neither JSON nor lines of numbers with commas: {error}") from error
    if not rows or len({len(row) for row in rows}) != 1:
        raise WrongTensor(f"'{spec.name}' has rows of different lengths, or none; the model takes {spec.shape[1]} each")
    shape = [len(rows), len(rows[0])]
    check_declared(spec.datatype, shape, spec)
    whole = DTYPES[spec.datatype].kind in "iu" and all(value.is_integer() for row in rows for value in row)
    return from_numbers([[int(value) for value in row] for row in rows] if whole else rows, shape, spec)


def _labelled(given: np.ndarray, bundle: Bundle) -> dict[str, Any]:
    """What one sample's output means: the best classes, or a value for each output."""
    labels = bundle.labels
    if bundle.task == "regression":
        return {"values": dict(zip(labels, map(float, given), strict=True))}
    probabilities = np.array([1 - given[0], given[0]]) if bundle.task == "binary" else given
    best = np.argsort(-probabilities, kind="stable")[:TOP_K]
    top = [{"label": labels[k], "probability": float(probabilities[k])} for k in best]
    return {**top[0], "top_k": top}
