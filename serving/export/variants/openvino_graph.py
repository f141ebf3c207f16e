"""ONNX graphs for OpenVINO, if it computes them as the network does.

It rounds float64 to float32, drops NaN in Relu and maximum, computes recurrent layers to the end of the batch's longest
sample, and nothing ends what its loops compute; it says none of that itself.
"""

from collections.abc import Iterator
from pathlib import Path

import onnx

from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.onnx_graphs import weights
from torchferry.serving.export.onnx_graphs.nodes import inner_graphs
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.variants.graphs import Graphs
from torchferry.serving.export.variants.quantize import Refusal
from torchferry.serving.export.variants.variants import onnx_int8

LOOPS = {"Loop", "Scan"}
RECURRENT = {"LSTM", "GRU", "RNN"}
LENGTHS = 4
"""Which of their inputs are the samples' lengths."""


def openvino_fp32(graphs: Graphs, file: Path, _: Refusal) -> None:
    """Standard operators: what ONNX Runtime fuses is its own."""
    _check(graphs)
    weights.copy(graphs.onnx, file)


def openvino_int8(graphs: Graphs, file: Path, refusal: Refusal) -> str | None:
    """The file that ONNX Runtime has as well."""
    _check(graphs)
    return onnx_int8(graphs, file, refusal)


def _check(graphs: Graphs) -> None:
    if found := next(_otherwise(onnx.load(graphs.onnx, load_external_data=False), graphs.reference), None):
        raise CannotBuild(f"{found}; serve an onnx variant")


def _otherwise(model: onnx.ModelProto, reference: Reference) -> Iterator[str]:
    """What OpenVINO would compute otherwise, or for ever."""
    for spec in reference.inputs:
        if spec.allow_nan:
            yield f"'{spec.name}' may be NaN, which OpenVINO drops in Relu and maximum"
    graphs = list(_graphs(onnx.shape_inference.infer_shapes(model).graph))
    if onnx.TensorProto.DOUBLE in {number for graph in graphs for number in _types(graph)}:
        yield "it computes in float64, which OpenVINO rounds to float32"
    nodes = [node for graph in graphs for node in graph.node]
    if packed := [node for node in nodes if node.op_type in RECURRENT and any(node.input[LENGTHS : LENGTHS + 1])]:
        yield f"its {packed[0].op_type} is told where each sample ends, which OpenVINO does not look at"
    if loops := sorted({node.op_type for node in nodes} & LOOPS):
        yield f"it has a {loops[0]}, which nothing ends in OpenVINO"


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """And those within its nodes, such as the branches of an If."""
    yield graph
    for node in graph.node:
        for inner in inner_graphs(node):
            yield from _graphs(inner)


def _types(graph: onnx.GraphProto) -> Iterator[int]:
    for value in (*graph.input, *graph.value_info, *graph.output):
        yield value.type.tensor_type.elem_type
    for tensor in graph.initializer:
        yield tensor.data_type
