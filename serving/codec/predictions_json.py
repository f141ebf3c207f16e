"""Predictions as JSON: a request is read from its body alone, and the answer is the same behind every server."""

import base64
import binascii
import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from torchferry.serving.bundle.bundle import Bundle, TensorSpec
from torchferry.serving.codec.images import decode_image
from torchferry.serving.codec.tensors import (
    DTYPES,
    FORM,
    check_declared,
    check_names,
    from_json,
    from_numbers,
    read_tensors,
    write_tensors,
)
from torchferry.serving.errors import NotDecodable, UnsupportedType, WrongParameter, WrongTensor

TOP_K = 5
MAX_INSTANCES = 1024
# Those that curl and browsers send of themselves say nothing; what the body is shows in its first bytes.
TAKEN = ("application/octet-stream", "application/json", "application/x-www-form-urlencoded", "text/csv", "text/plain")


@dataclass(frozen=True)
class Request:
    inputs: dict[str, np.ndarray]
    """By tensor name; the first axis is the batch."""
    form: Literal["tensors", "labels", "predictions"]
    """Tensors are answered with tensors, an image with labels, instances with a list of predictions."""

    @property
    def size(self) -> int:
        """Samples in it."""
        return len(next(iter(self.inputs.values())))


def check_type(content_type: str) -> None:
    """Raises UnsupportedType for a body that no model can be asked with."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind and kind not in TAKEN and not kind.startswith("image/"):
        raise UnsupportedType(f"the body is {kind[:100]}; image/*, multipart/form-data, {', '.join(TAKEN)} are taken")


def read_request(body: bytes, bundle: Bundle) -> Request:
    """An image file's bytes, a table's rows as CSV, JSON instances, or Open Inference Protocol JSON.

    Raises RequestError.
    """
    start = body[:4096].lstrip()[:1]
    if start in (b"{", b"["):  # neither images nor rows of numbers start like this
        return _read_json(body, bundle)
    first = bundle.inputs[0]
    if bundle.decode:
        return Request({first.name: decode_image(body, bundle.decode)[None]}, "labels")
    if len(bundle.inputs) == 1 and len(first.shape) == 2:
        return Request({first.name: _rows(body, first)}, "labels")
    raise NotDecodable(f"{bundle.name} takes tensors as JSON, and this is none")


def answer(
    request: Request, outputs: Mapping[str, np.ndarray], bundle: Bundle, model: str, top_k: int | None = None
) -> str:
    """The JSON text for the request's share of the outputs; with the `top_k` best labels. Raises WrongParameter.

    JSON has no infinity and no NaN, which become null.
    """
    if top_k is not None and top_k < 1:
        raise WrongParameter(f"top_k is {top_k}; give how many labels are wanted, 1 or more")
    if request.form == "tensors" or bundle.task == "tensors":
        return _text({"model_name": model, "model_version": bundle.version} | write_tensors(outputs))
    values = [_labelled(sample, bundle, top_k or TOP_K) for sample in outputs[bundle.outputs[0].name]]
    alone = len(values) == 1 and request.form == "labels"
    return _text({"model": model} | (values[0] if alone else {"predictions": values}))


def read_top_k(given: bytes | str | None) -> int | None:
    """How many labels a request wants, as its header X-Top-K or part top_k says. Raises WrongParameter."""
    if not given:
        return None
    try:
        return int(given)
    except ValueError as error:
        raise WrongParameter(f"top_k is {given[:20]!r}; give how many labels are wanted") from error


def _text(content: Any) -> str:
    try:
        return json.dumps(content, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(content))


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _read_json(body: bytes, bundle: Bundle) -> Request:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotDecodable(f"the body is not JSON of the form {FORM}") from error
    if isinstance(content, dict) and "instances" in content and "inputs" not in content:
        return Request(_instances(content["instances"], bundle), "predictions")
    return Request(read_tensors(content, bundle.inputs), "tensors")


def _instances(given: Any, bundle: Bundle) -> dict[str, np.ndarray]:
    """A list with a sample in each place: numbers, {"b64": an image file}, or an object by the inputs' names."""
    if not isinstance(given, list) or not 0 < len(given) <= MAX_INSTANCES:
        raise WrongTensor(f"'instances' is not a list of 1 to {MAX_INSTANCES} samples")
    names = [spec.name for spec in bundle.inputs]
    first = given[0]
    if len(names) == 1 and not (isinstance(first, dict) and "b64" not in first):
        given = [{names[0]: sample} for sample in given]
    if not all(isinstance(sample, dict) for sample in given):
        raise WrongTensor("'instances' has samples of different kinds; give all of them alike")
    for sample in given:
        check_names(sample, bundle.inputs)
    return {spec.name: _column([sample[spec.name] for sample in given], spec, bundle) for spec in bundle.inputs}


def _column(samples: list[Any], spec: TensorSpec, bundle: Bundle) -> np.ndarray:
    if bundle.decode and spec is bundle.inputs[0] and isinstance(samples[0], dict):
        return np.stack([decode_image(_file(sample), bundle.decode) for sample in samples])
    return from_json({"datatype": spec.datatype, "shape": [len(samples), *spec.shape[1:]], "data": samples}, spec)


def _file(sample: Any) -> bytes:
    try:
        return base64.b64decode(sample["b64"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise NotDecodable('an instance is not of the form {"b64": "an image file as base64"}') from error


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


def _labelled(given: np.ndarray, bundle: Bundle, top_k: int) -> dict[str, Any]:
    """What one sample's output means: the best classes, or a value for each output."""
    labels = bundle.labels
    if bundle.task == "regression":
        return {"values": dict(zip(labels, map(float, given), strict=True))}
    probabilities = np.array([1 - given[0], given[0]]) if bundle.task == "binary" else given
    best = np.argsort(-probabilities, kind="stable")[:top_k]
    top = [{"label": labels[k], "probability": float(probabilities[k])} for k in best]
    return {**top[0], "top_k": top}
