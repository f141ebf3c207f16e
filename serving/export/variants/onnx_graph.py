"""The reference as an ONNX graph, by torch's own dynamo exporter, and ONNX Runtime's optimisations saved into it."""

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented

from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.variants.graph_names import rename

LARGEST = 2**31  # bytes of a protobuf message
Level = onnxruntime.GraphOptimizationLevel


def write_graph(program: torch.export.ExportedProgram, reference: Reference, path: Path) -> None:
    """Standard operators only, constants folded."""
    with _quietly():
        exported = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
        )
    assert exported is not None
    model = exported.model_proto
    _strip(model)
    # Not by the exporter, which does not keep its own names apart from them.
    rename(model, [spec.name for spec in reference.inputs], [spec.name for spec in reference.outputs])
    if model.ByteSize() >= LARGEST:
        raise CannotBuild("it has 2 GB or more, which no single ONNX file can hold")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def write_optimized(source: Path, target: Path, level: Any) -> None:
    """What ONNX Runtime makes of the graph when it loads it, so that loading is quicker.

    ORT_ENABLE_BASIC keeps to standard operators. ORT_ENABLE_EXTENDED fuses some into ONNX Runtime's own. The layouts
    of ORT_ENABLE_ALL depend on the processor, so they are left to the machine that serves.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3  # errors alone
    try:
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except NotImplemented as error:
        raise CannotBuild(_lacking(source, str(error))) from error


def _lacking(source: Path, said: str) -> str:
    """Which operator ONNX Runtime does not have, and of which numbers, where it says so: `... an implementation for
    Mul(14) node with name 'node_mul_4'`."""
    found = re.search(r"implementation for (\w+)\(\d+\) node with name '(.*?)'", said)
    if not found:
        return f"ONNX Runtime cannot compute its graph ({' '.join(said.split())[:200]})"
    operator, name = found.groups()
    graph = onnx.shape_inference.infer_shapes(onnx.load(source, load_external_data=False)).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info, *graph.output)}
    types |= {value.name: value.data_type for value in graph.initializer}
    taken = next((node.input for node in graph.node if node.name == name), ())
    of = {onnx.TensorProto.DataType.Name(types[each]).lower() for each in taken if each in types}
    kinds = f" of {' and '.join(sorted(of))}" if of else ""
    return f"ONNX Runtime has no {operator}{kinds} on a CPU; compute that in float32, or serve a torch variant"


def _strip(model: onnx.ModelProto) -> None:
    """Drop what the exporter notes for debugging: it names files of this machine and differs from run to run."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        part.ClearField("metadata_props")
    for part in (*model.graph.node, *model.graph.initializer, *model.functions):
        part.ClearField("doc_string")
    for function in model.functions:
        for node in function.node:
            node.ClearField("metadata_props")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """The exporter reports its stages on stdout, and parts of it warn about each other."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
