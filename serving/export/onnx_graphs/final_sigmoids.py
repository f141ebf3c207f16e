"""Finds the outputs of a graph that a sigmoid gives."""

import onnx

KEEP_NUMBERS = ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast")


def of_sigmoids(model: onnx.ModelProto) -> list[str]:
    """Their names."""
    makers = {name: node for node in model.graph.node for name in node.output}
    return [each.name for each in model.graph.output if _is_of_sigmoid(each.name, makers)]


def _is_of_sigmoid(name: str, makers: dict[str, onnx.NodeProto]) -> bool:
    node = makers.get(name)
    while node is not None and node.op_type in KEEP_NUMBERS:
        node = makers.get(node.input[0])
    return node is not None and node.op_type == "Sigmoid"
