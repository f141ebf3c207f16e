"""A graph as a network of torch."""

import numpy as np
import pytest
import torch

from tests.serving.export.onnx_graphs.graphs import FOUR, ROWS, graph
from torchferry.errors import UserError
from torchferry.serving.export.numbered_strings import numbered
from torchferry.serving.export.onnx_graphs.onnx_network import DOMAIN, OnnxNetwork, computed, opened
from torchferry.serving.export.onnx_graphs.weights import is_large

FLOAT = [np.dtype(np.float32)]
X = torch.arange(12.0).reshape(4, 3)


def test_it_gives_what_the_graph_does_by_name() -> None:
    network = OnnxNetwork(graph(ROWS), FLOAT)
    given = network(X)
    assert list(given) == ["y"]
    np.testing.assert_array_equal(given["y"].numpy(), computed(graph(ROWS), {"x": X.numpy()})["y"])
    assert network(X.double())["y"].dtype == torch.float32


def test_no_more_samples_are_computed_together_than_the_graph_takes() -> None:
    network = OnnxNetwork(graph(FOUR), FLOAT, 4)
    np.testing.assert_array_equal(
        network(torch.cat([X, X]))["y"].numpy(), OnnxNetwork(graph(ROWS), FLOAT)(torch.cat([X, X]))["y"].numpy()
    )


def test_weights_of_no_datatype_are_refused_by_the_runtime() -> None:
    model = graph(ROWS)
    model.graph.initializer[0].data_type = 77
    assert not is_large(model)
    with pytest.raises(UserError, match="ONNX Runtime does not take its graph"):
        opened(model)


def test_traced_it_is_one_node() -> None:
    network = OnnxNetwork(graph(ROWS), FLOAT)
    network(X)
    program = torch.export.export(network, (X,), dynamic_shapes=(({0: torch.export.Dim("batch")},),))
    made = torch.onnx.export(program, dynamo=True, verbose=False)
    assert made
    nodes = made.model_proto.graph.node
    assert [(node.domain, [*node.input]) for node in nodes] == [(DOMAIN, ["tensors_0"])]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("graph (uint32[N] x) => (uint32[N] y) { y = Neg(x) }", "ONNX Runtime"),
        ("graph (float[N] x) => (float[N] y) { z = Relu(x) }", r"ONNX Runtime does not take its graph: This is an inv"),
        ("graph (float[N] x) => (float[N] y) { y = Relu(z) }", "ONNX Runtime does not take its graph"),
        ("graph (float[N] x) => (float[N] y) { y = ai.onnx.ml.Scaler(x, x) }", "ONNX Runtime does not take its graph"),
    ],
)
def test_what_the_runtime_lacks_is_said(text: str, words: str) -> None:
    with pytest.raises(UserError, match=f"--model: {words}"):
        opened(graph(text))


def test_numbers_of_64_bits_without_a_sign_come_as_torch_takes_them() -> None:
    model = graph("graph (uint64[N] x) => (uint64[N] y) { y = Add(x, x) }")
    network = OnnxNetwork(model, [np.dtype(np.uint64)])
    given = network(torch.tensor([1, 2**63 - 1], dtype=torch.uint64))["y"]
    assert (given.dtype, given.tolist()) == (torch.uint64, [2, 2**64 - 2])


def test_strings_are_numbered() -> None:
    model = graph("graph (string[N] x) => (string[N] y) { y = Identity(x) }")
    network = OnnxNetwork(model, [np.dtype(object)])
    numbers = torch.from_numpy(numbered(np.array(["cat", "dög"])))
    assert network.said == {"y": "BYTES"}
    assert network(numbers)["y"].tolist() == numbers.tolist()
