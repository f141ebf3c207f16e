"""A file's graph among nodes that were traced around it."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from tests.serving.export.onnx_graphs.graphs import FOUR, HEAD, ROWS, graph
from torchferry.serving.export.onnx_graphs.batch_axis import batched
from torchferry.serving.export.onnx_graphs.onnx_file import Value
from torchferry.serving.export.onnx_graphs.onnx_network import OnnxNetwork, computed
from torchferry.serving.export.onnx_graphs.splice import opset_around, spliced

X = torch.arange(12.0).reshape(4, 3)
OLD = '<ir_version: 7, opset_import: ["" : 11]>'


class Around(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x / 2)["y"].softmax(dim=1)


class Alone(Around):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x)["y"]


def traced(kind: type[Around], model: onnx.ModelProto) -> tuple[onnx.ModelProto, np.ndarray]:
    network = kind(OnnxNetwork(model, [np.dtype(np.float32)]))
    expected = network(X).numpy()
    program = torch.export.export(network, (X,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    made = torch.onnx.export(program, dynamo=True, verbose=False, opset_version=opset_around(model))
    assert made
    return made.model_proto, expected


@pytest.mark.parametrize("head", [HEAD, OLD, HEAD.replace("18", "21")])
@pytest.mark.parametrize("kind", [Around, Alone])
def test_it_computes_the_same(head: str, kind: type[Around]) -> None:
    around, expected = traced(kind, graph(ROWS, head))
    made = spliced(around, graph(ROWS, head))
    onnx.checker.check_model(made, full_check=True)
    name = made.graph.input[0].name
    (given,) = computed(made, {name: X.numpy()}).values()
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("text", [FOUR, FOUR.replace("{ y", "{ [x] y")])
def test_a_graph_that_is_filled_up_has_no_node_twice(text: str) -> None:
    model = batched(graph(text), [Value("x", np.dtype(np.float32), (4, 3))], computed).model
    around, expected = traced(Around, model)
    (given,) = computed(made := spliced(around, model), {made.graph.input[0].name: X.numpy()}).values()
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-6)


def test_a_graph_with_nothing_around_it_stays_in_its_opset() -> None:
    around, _ = traced(Alone, graph(ROWS, OLD))
    assert [each.version for each in spliced(around, graph(ROWS, OLD)).opset_import] == [11]
