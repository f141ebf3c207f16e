"""The operator's sizes are those of torch's own layers, also where nothing is known of them but a symbol."""

import pytest
import torch

from tests.serving.export.recurrent.layers import KINDS, Kind, Layer, traced
from torchferry.serving.export.recurrent.operator import RECURRENT


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.pack != "longest"], ids=str)
def test_it_has_the_sizes_that_the_layer_has(kind: Kind) -> None:
    inputs = kind.inputs(2, 5)
    expected = Layer(kind)(*inputs)
    program = traced(Layer(kind), inputs)
    (node,) = [node for node in program.graph.nodes if node.target is RECURRENT]
    given, *last = node.meta["val"]
    steps, samples, width = given.shape
    assert isinstance(steps, torch.SymInt)
    assert isinstance(samples, torch.SymInt)
    assert width == expected[0].shape[2]
    assert [(state.shape[0], state.shape[2]) for state in last] == [(e.shape[1], e.shape[2]) for e in expected[1:]]
