"""Tensors as Open Inference Protocol JSON: {"inputs": [{"name", "shape", "datatype", "data"}]}."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.bundle import TensorSpec
from serving.errors import NotDecodable, WrongTensor

DTYPES = {
    "BOOL": np.dtype(np.bool_),
    **{f"UINT{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
}
"""Those of the protocol that numpy has; BYTES and BF16 have no dtype."""
# numpy's kinds of JSON numbers that each kind of tensor takes: no fraction is cut off, no text is read as a number.
_KINDS = {"b": "biu", "u": "iu", "i": "iu", "f": "iuf"}
DATATYPES = {dtype: name for name, dtype in DTYPES.items()}


def read_tensors(body: bytes, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray]:
    """The inputs in a request's body, by name, checked against what the model takes.

    Raises NotDecodable if it is not such JSON, and WrongTensor naming the tensor and what would be right.
    """
    try:
        given = {tensor["name"]: tensor for tensor in json.loads(body)["inputs"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotDecodable(
            'the body is not JSON of the form {"inputs": [{"name", "shape", "datatype", "data"}]}'
        ) from error
    if given.keys() != {spec.name for spec in specs}:
        raise WrongTensor(f"inputs are {_names(given)}; the model takes {_names(spec.name for spec in specs)}")
    tensors = {spec.name: _read(given[spec.name], spec) for spec in specs}
    if len({len(tensor) for tensor in tensors.values()}) != 1:
        raise WrongTensor("the inputs have batches of different sizes")
    return tensors


def write_tensors(tensors: Mapping[str, np.ndarray], key: str = "outputs") -> dict[str, Any]:
    """The JSON object that holds `tensors` under `key`, ready for json.dumps."""
    return {
        key: [
            {
                "name": name,
                "shape": list(values.shape),
                "datatype": DATATYPES[values.dtype],
                "data": values.ravel().tolist(),
            }
            for name, values in tensors.items()
        ]
    }


def _read(tensor: dict[str, Any], spec: TensorSpec) -> np.ndarray:
    shape, datatype = tensor.get("shape"), tensor.get("datatype")
    if datatype != spec.datatype:
        raise WrongTensor(f"'{spec.name}' has datatype {datatype}; the model takes {spec.datatype}")
    if not _fits(shape, spec.shape):
        raise WrongTensor(f"'{spec.name}' has shape {shape}; the model takes {list(spec.shape)}, -1 being the batch")
    dtype = DTYPES[spec.datatype]
    try:
        values = np.asarray(tensor["data"])
        if values.dtype.kind not in _KINDS[dtype.kind]:
            raise ValueError
        low, high = _range(dtype)
        if values.size and not low <= values.min() <= values.max() <= high:
            raise WrongTensor(f"'{spec.name}' has values outside {low}..{high}, the range of {spec.datatype}")
        return values.astype(dtype).reshape(shape)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        wanted = f"{spec.datatype} numbers that fill shape {shape}"
        raise WrongTensor(f"'{spec.name}' has data other than {wanted}") from error


def _fits(shape: Any, expected: tuple[int, ...]) -> bool:
    """Whether `shape` is a list of whole numbers, at least 1, equal to `expected` where that is not -1."""
    return (
        isinstance(shape, list)
        and len(shape) == len(expected)
        and all(type(size) is int and size >= 1 for size in shape)
        and all(size == wanted for size, wanted in zip(shape, expected, strict=True) if wanted != -1)
    )


def _range(dtype: np.dtype) -> tuple[float, float]:
    if dtype.kind == "f":
        return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    return (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))


def _names(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names)
