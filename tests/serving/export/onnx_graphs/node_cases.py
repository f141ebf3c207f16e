"""ONNX's own cases of its operators: a graph, its inputs and its outputs, of all datatypes and ranks."""

import functools
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from torchferry.serving.codec.strings import strings
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.external.tensor_names import legal_names
from torchferry.serving.export.onnx_graphs.batch_axis import batched
from torchferry.serving.export.onnx_graphs.bfloat16_ends import with_float32_ends
from torchferry.serving.export.onnx_graphs.onnx_file import Value, read_onnx, values_of
from torchferry.serving.export.onnx_graphs.onnx_network import computed
from torchferry.serving.export.reference import Reference

Arrays = dict[str, np.ndarray]


@functools.cache
def node_cases() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        return {case.name: case for case in collect_testcases(None) if case.model and case.model.graph.input}


def spread(count: int) -> list[str]:
    """The names of so many cases, as evenly as they can be of all kinds of inputs: their datatypes and ranks."""
    of_kind: Counter[object] = Counter()
    ranked = []
    for name, case in sorted(node_cases().items()):
        tensors = [value.type.tensor_type for value in case.model.graph.input]
        kind = tuple(sorted((tensor.elem_type, len(tensor.shape.dim)) for tensor in tensors))
        ranked.append((of_kind[kind], name))
        of_kind[kind] += 1
    return [name for _, name in sorted(ranked)[:count]]


def loaded(case: Any, folder: Path) -> tuple[Reference, Arrays, Sequence[np.ndarray]]:
    """The case as a user would export it, its inputs as a request has them, and its outputs. Raises UserError."""
    folder.mkdir(exist_ok=True)
    onnx.save(case.model, path := folder / f"{case.name}.onnx")
    values, _ = values_of(read_onnx(path), path)
    given, wanted = case.data_sets[0]
    np.savez(folder / "data.npz", **_samples(values, given, path))  # type: ignore[arg-type]
    options = ["--model", str(path), "--eval-data", str(folder / "data.npz")]
    floats = any(value.dtype.kind == "f" for value in values)
    reference = load_given(parser().parse_args([*options, *(["--allow-nan", "--allow-infinity"] if floats else [])]))
    with np.load(folder / "data.npz") as file:
        sent = {name: strings(array) if array.dtype.kind == "U" else array for name, array in file.items()}
    return reference, sent, [_array(each) for each in wanted]


def _samples(values: Sequence[Value], given: Sequence[Any], path: Path) -> Arrays:
    """With the batch in front where the graph has none."""
    made = batched(with_float32_ends(read_onnx(path)), values, computed)
    arrays = {}
    for value, sizes, own in zip(values, made.sizes, given, strict=True):
        array = _array(own).astype(str if value.dtype == object else value.dtype)
        arrays[legal_names([value.name])[0][0]] = array[None] if array.shape == sizes else array
    return arrays


def _array(given: Any) -> np.ndarray:
    array = onnx.numpy_helper.to_array(given) if isinstance(given, onnx.TensorProto) else np.asarray(given)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def differs(given: np.ndarray, wanted: np.ndarray) -> str:
    """How, or nothing. An output of a graph without a batch has one in front."""
    if given.shape == (1, *wanted.shape):
        given = given.reshape(wanted.shape)
    if given.shape != wanted.shape or (given.dtype != wanted.dtype and wanted.dtype.kind not in "OU"):
        return f"{given.dtype} {given.shape}, not {wanted.dtype} {wanted.shape}"
    if wanted.dtype.kind in "OU":
        return "" if np.array_equal(strings(given), strings(wanted)) else "other values"
    if wanted.dtype.kind != "f":
        return "" if np.array_equal(given, wanted) else "other values"
    share = 1e-3 if wanted.dtype == np.float32 else 1e-2 if wanted.dtype == np.float16 else 1e-6
    scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1.0).astype(np.float64)
    near = np.allclose(
        given.astype(np.float64), wanted.astype(np.float64), rtol=share, atol=scale * share / 100, equal_nan=True
    )
    return "" if near else "other values"
