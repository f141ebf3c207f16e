"""ONNX's own cases of its operators: a graph, its inputs and its outputs, of all datatypes and ranks."""

import functools
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.onnx_files.onnx_file import read_onnx, values_of
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
    np.savez(folder / "data.npz", **_samples(values, given, path))
    reference = load_given(parser().parse_args(["--model", str(path), "--eval-data", str(folder / "data.npz")]))
    with np.load(folder / "data.npz") as file:
        return reference, dict(file), [np.asarray(each) for each in wanted]
