"""Names the operator that ONNX Runtime lacks, from what it says of a graph."""

import re

import onnx

from torchferry.serving.session.runtime_words import in_our_words

LEAST_OPSET = 7
"""That ONNX Runtime computes."""


def lacking(model: onnx.ModelProto, said: str) -> str:
    """Which operator ONNX Runtime does not have, and of which numbers, where it says so: `... an implementation for
    Mul(14) node with name 'node_mul_4'`."""
    found = re.search(r"implementation for (\w+)\(\d+\) node with name '(.*?)'", said)
    if not found:
        return f"ONNX Runtime cannot compute its graph ({in_our_words(said)})"
    operator, name = found.groups()
    opset = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), LEAST_OPSET)
    if opset < LEAST_OPSET:
        return f"its graph is in opset {opset}, and ONNX Runtime computes those from {LEAST_OPSET} on"
    graph = onnx.shape_inference.infer_shapes(model).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info, *graph.output)}
    types |= {value.name: value.data_type for value in graph.initializer}
    likely = [node for node in graph.node if (node.name, node.op_type) == (name, operator)]  # many have no name
    taken = likely[0].input if len(likely) == 1 else ()
    of = {onnx.TensorProto.DataType.Name(types[each]).lower() for each in taken if each in types}
    kinds = f" of {' and '.join(sorted(of))}" if of else ""
    return f"ONNX Runtime has no {operator}{kinds} on a CPU; compute that in float32"
