"""What clients cause is answered, and ONNX Runtime says nothing of it on stderr; the server's own faults are said."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.server import Server
from tests.serving.onnx_server.asking import ask, tensor
from tests.serving.tiny_bundle import FILE, VARIANT, described
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.tensor_spec import TensorSpec

INFER = "/v2/models/tiny/infer"


def written(root: Path) -> Path:
    """A bundle that looks rows up in a table of three, and shapes them as wide as two and the smallest of the rows."""
    for part in ("golden", f"variants/{VARIANT}"):
        (root / part).mkdir(parents=True)
    table = np.array([[0, 1], [0.5, 0.5], [1, 0]], np.float32)
    golden = np.array([[0], [0]])  # each is also computed alone
    np.savez(root / "golden" / "inputs.npz", row=golden)
    np.savez(root / "golden" / "outputs.npz", probabilities=table[golden[:, 0]])
    onnx.save(_graph(table), root / FILE)
    row = TensorSpec(name="row", datatype="INT64", shape=(-1, 1))
    bundles.write(described(root, inputs=(row,), files=bundles.checksums(root)))
    return root


def _graph(table: np.ndarray) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Gather", ["table", "row"], ["found"]),
        helper.make_node("ReduceMin", ["row"], ["least"], keepdims=0),
        helper.make_node("Add", ["least", "two"], ["width"]),
        helper.make_node("Concat", ["all", "width"], ["shape"], axis=0),
        helper.make_node("Reshape", ["found", "shape"], ["probabilities"]),
    ]
    constants = {"table": table, "two": np.array([2]), "all": np.array([-1])}
    graph = helper.make_graph(
        nodes,
        "rows",
        [helper.make_tensor_value_info("row", TensorProto.INT64, ["n", 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", "width"])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.server
def test_a_request_that_fails_within_onnx_runtime_is_said_in_our_words_alone(tmp_path: Path) -> None:
    server = Server(written(tmp_path / "tiny"), folder=tmp_path, runtime="onnx")
    try:
        rest = server.wait_ready()["rest"]
        started = server.log.read_text()
        answers = [ask(rest, INFER, {"inputs": [tensor("row", np.array([[row]]))]}) for row in (0, 7, 1)]
    finally:
        server.stop()
    assert [answer.status for answer in answers] == [200, 422, 500]
    assert "out of data bounds" in answers[1].json["detail"]
    assert "Reshape" in answers[2].json["detail"]
    (fault,) = server.log.read_text().removeprefix(started).splitlines()
    assert '"outcome": "server_error"' in fault
    assert "Reshape" in fault
