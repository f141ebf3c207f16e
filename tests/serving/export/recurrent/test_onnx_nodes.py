"""A graph of recurrent layers gives what torch's layers give for each sample alone, at any length."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import tests.serving.torchlib  # noqa: F401
from tests.serving.export.recurrent.layers import KINDS, Kind, Layer, asked, traced
from torchferry.serving.export.recurrent.onnx_nodes import TRANSLATIONS

OPERATORS = {"LSTM", "GRU", "RNN"}


def graph_of(kind: Kind, network: Layer) -> onnx.ModelProto:
    program = traced(network, kind.inputs(2, 5))
    made = torch.onnx.export(program, dynamo=True, verbose=False, custom_translation_table=TRANSLATIONS)
    assert made is not None
    return made.model_proto


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_onnx_runtime_gives_what_the_network_gives_alone(kind: Kind, tmp_path: Path) -> None:
    network = Layer(kind)
    model = graph_of(kind, network)
    onnx.save(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    nodes = [node for node in model.graph.node if node.op_type in OPERATORS]
    assert [node.op_type for node in nodes] == [kind.layer] * kind.args.get("num_layers", 1)
    names = [each.name for each in session.get_inputs()]
    for inputs, expected in asked(network, kind):
        given = session.run(None, dict(zip(names, (each.numpy() for each in inputs), strict=True)))
        for answered, wanted in zip(given, expected, strict=True):
            np.testing.assert_allclose(answered, wanted.numpy(), atol=1e-5, rtol=1e-5)
