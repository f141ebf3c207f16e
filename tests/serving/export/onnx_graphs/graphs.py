"""Small graphs in ONNX's own text, as files."""

from pathlib import Path

import onnx

HEAD = '<ir_version: 9, opset_import: ["" : 18, "ai.onnx.ml" : 3]>'
ROWS = """graph (float[N, 3] x) => (float[N, 2] y) <float[3, 2] w = {1, 2, 3, 4, 5, 6}> { y = MatMul(x, w) }"""
"""Any number of samples."""
ONE = ROWS.replace("N, 3", "1, 3").replace("N, 2", "1, 2")
FOUR = ROWS.replace("N, 3", "4, 3").replace("N, 2", "4, 2")
PRODUCT = "graph (float[2, 3] x, float[3, 4] w) => (float[2, 4] y) { y = MatMul(x, w) }"
"""No axis is the batch."""
ACROSS = "graph (float[4, 3] x) => (float[4, 3] y) { y = Softmax <axis: int = 0> (x) }"
"""Its first axis is as long everywhere, and holds no samples."""


def graph(text: str, head: str = HEAD) -> onnx.ModelProto:
    return onnx.parser.parse_model(f"{head}\n{text}")


def written(folder: Path, text: str, head: str = HEAD, name: str = "net.onnx") -> Path:
    onnx.save(graph(text, head), folder / name)
    return folder / name
