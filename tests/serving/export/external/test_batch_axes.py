"""State whose batch is another axis than the first is served with the batch first, of networks and of graphs."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from tests.serving.stateful import Layers
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.state import start_of
from torchferry.serving.export import export_command
from torchferry.serving.export.external.batch_axes import BatchMoved, graph_with_batch_first, with_batch_first
from torchferry.serving.export.external.binding import bind
from torchferry.serving.export.external.input_spec import read_input
from torchferry.serving.export.state import Pair
from torchferry.serving.session import open_variant

INPUTS = [read_input(text, number, {}) for number, text in enumerate(["piece=tensor:FP32:6", "hidden=tensor:FP32:2x5"])]
PAIR = Pair("hidden", "output_1", 1)


def test_a_network_gets_its_state_as_it_has_it_and_gives_it_with_the_batch_first() -> None:
    network = Layers().eval()
    moved, binding = with_batch_first(network, bind(network, INPUTS), INPUTS, [PAIR])
    piece, hidden = torch.randn(4, 6), torch.randn(2, 4, 5)
    arguments, keywords = binding.filled([piece, hidden.movedim(1, 0)])
    given = moved(*arguments, **keywords)
    scores, after = network(piece, hidden)
    torch.testing.assert_close(given, {"output_0": scores, "output_1": after.movedim(1, 0)})


def test_where_the_batch_is_first_nothing_is_moved() -> None:
    network = Layers()
    binding = bind(network, INPUTS)
    assert with_batch_first(network, binding, INPUTS, [Pair("hidden", "output_1")]) == (network, binding)
    graph = onnx.ModelProto()
    assert graph_with_batch_first(graph, []) is graph


def test_an_axis_that_is_not_there_is_refused() -> None:
    network = Layers()
    with pytest.raises(
        UserError, match=r"^--state: 'hidden' has 3 axes with the batch, from 0 on, and none of them is 3"
    ):
        with_batch_first(network, bind(network, INPUTS), INPUTS, [Pair("hidden", "output_1", 3)])
    with pytest.raises(UserError, match=r"^--state: 'state' has 3 axes, from 0 on, and none of them is 7"):
        graph_with_batch_first(adding_graph(), [Pair("state", "after", 7)])


def adding_graph() -> onnx.ModelProto:
    """Adds to a state whose batch is the last axis."""
    shapes: dict[str, list[str | int | None]] = {
        "x": ["n", 1],
        "state": [2, 3, "n"],
        "y": ["n", 1],
        "after": [2, 3, "n"],
    }
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    nodes = [
        helper.make_node("Transpose", ["x"], ["row"], perm=[1, 0]),
        helper.make_node("Add", ["state", "row"], ["after"]),
        helper.make_node("Identity", ["x"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "adding", ends[:2], ends[2:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_graph_gets_its_state_as_it_has_it_and_gives_it_with_the_batch_first() -> None:
    moved = graph_with_batch_first(adding_graph(), [Pair("state", "after", 2)])
    onnx.checker.check_model(moved, full_check=True)
    session = onnxruntime.InferenceSession(moved.SerializeToString())
    assert [each.shape for each in session.get_inputs()] == [["n", 1], ["batch", 2, 3]]
    assert [each.shape for each in session.get_outputs()] == [["n", 1], ["batch", 2, 3]]
    x, state = np.arange(4, dtype=np.float32)[:, None], np.random.default_rng(0).random((4, 2, 3), np.float32)
    np.testing.assert_allclose(session.run(["after"], {"x": x, "state": state})[0], state + x[:, :, None])


@pytest.mark.slow
def test_a_network_of_layers_is_exported_and_goes_on_as_it_does_itself(tmp_path: Path) -> None:
    export_command.main(
        ["--model", "tests.serving.stateful:Layers", "--input", "piece=tensor:FP32:6", "--input",
         "hidden=tensor:FP32:2x5", "--state", "hidden=output_1@1", "-o", str(tmp_path / "bundle")]
    )  # fmt: skip
    bundle, network = bundles.load(tmp_path / "bundle"), Layers().eval()
    assert [spec.shape for spec in (bundle.inputs[1], bundle.outputs[1])] == [(-1, 2, 5)] * 2
    for name in ("torch", "onnx-fp32"):
        session = open_variant(bundle, name, threads=1)
        carried, hidden = np.repeat(start_of(bundle)["hidden"], 3, axis=0), torch.zeros(2, 3, 5)
        for piece in torch.randn(10, 3, 6, generator=torch.Generator().manual_seed(0)):
            given = session.run({"piece": piece.numpy(), "hidden": carried})
            carried = given["output_1"]
            with torch.no_grad():
                scores, hidden = network(piece, hidden)
            np.testing.assert_allclose(given["output_0"], scores, atol=1e-5)


def test_the_wrapper_lets_go_of_what_is_none() -> None:
    class Some(torch.nn.Module):
        def forward(self, piece: torch.Tensor, hidden: torch.Tensor) -> dict[str, torch.Tensor | None]:
            return {"scores": piece, "extra": None, "hidden": hidden}

    network = Some()
    moved = BatchMoved(network, bind(network, INPUTS), [Pair("hidden", "hidden_output", 1)])
    given = moved(torch.zeros(4, 6), torch.zeros(4, 2, 5))
    assert {name: tuple(values.shape) for name, values in given.items()} == {
        "scores": (4, 6),
        "hidden_output": (4, 2, 5),
    }
