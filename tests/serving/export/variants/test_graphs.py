"""The graphs that variants are made of: each is made once, when it is first asked for."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.serving.export.tiny_reference import ROWS, tiny_reference
from torchferry.serving.export.variants.graphs import Graphs
from torchferry.serving.session.onnx_session import OnnxSession


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Graphs:
    return Graphs(tiny_reference(), tmp_path_factory.mktemp("scratch"))


def test_nothing_is_made_before_it_is_asked_for(tmp_path: Path) -> None:
    Graphs(tiny_reference(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_each_is_made_once(graphs: Graphs) -> None:
    assert graphs.program is graphs.program
    written = graphs.onnx.stat().st_mtime_ns
    assert graphs.onnx.stat().st_mtime_ns == written


def test_the_onnx_graph_gives_what_the_reference_gives_in_standard_operators(graphs: Graphs) -> None:
    nodes = onnx.load(graphs.onnx).graph.node
    assert nodes
    assert {node.domain for node in nodes} <= {"", "ai.onnx"}
    session = OnnxSession(graphs.onnx, ["row"], ["probabilities"], 1)
    for batch in (1, 6):
        inputs = {"row": ROWS[:batch].numpy()}
        expected = graphs.reference.run(inputs)["probabilities"]
        np.testing.assert_allclose(session.run(inputs)["probabilities"], expected, atol=1e-6)
