"""A file's graph is judged as a checkpoint is: near ties are told from faults, and chance is no memory."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from tests.serving.export.onnx_graphs.deciding_graph import TIED, deciding, faulty, reference_of_graph, rows, turned
from tests.serving.export.onnx_graphs.graphs import ROWS, graph
from torchferry.errors import UserError
from torchferry.serving.bundle.variant import Variant
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.checks.near_ties import near_ties
from torchferry.serving.export.variants.builders import BUILDERS

BATCHED_CONV = """graph (float[N, 1, 4] x) => (float[N, 1, 3] y) <float[1, 1, 2] w = {1.5, 2.5}> { y = Conv(x, w) }"""


def judged(folder: Path, made: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> Variant:
    """Where the variant's file is `made`."""
    monkeypatch.setitem(BUILDERS, "onnx-fp32", lambda _graphs, file, _refusal: onnx.save(made, file))
    bundle = export(reference_of_graph(deciding(), folder, row=rows()), folder / "b", ["onnx-fp32"], {}, "1")
    assert not bundle.skipped
    return bundle.variants["onnx-fp32"]


def test_near_ties_of_a_graph_are_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variant = judged(tmp_path, turned(), monkeypatch)
    assert variant.status == "accepted", variant.reason


def test_a_fault_in_its_last_layer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variant = judged(tmp_path, faulty(deciding()), monkeypatch)
    assert variant.status == "refused"
    assert "of 'kind' are other values" in str(variant.reason)


def test_changed_weights_decide_near_ties_alone_otherwise(tmp_path: Path) -> None:
    reference, given = reference_of_graph(deciding(), tmp_path, row=rows()), {"row": rows()}
    assert near_ties(reference, given)["kind"].tolist() == [True] * TIED + [False] * (len(given["row"]) - TIED)
    before = reference.run(given)["kind"]
    reference.perturbed(torch.Generator().manual_seed(1))
    np.testing.assert_array_equal(reference.run(given)["kind"], before)


def test_in_float64_it_gives_more_digits(tmp_path: Path) -> None:
    reference = reference_of_graph(graph(ROWS.replace("6}", "0.1}")), tmp_path)
    given = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    answered = reference.in_double().run({"x": given})["y"]
    weights = np.array([[1, 2], [3, 4], [5, np.float32(0.1)]], np.float64)
    np.testing.assert_allclose(answered, given.astype(np.float64) @ weights, rtol=1e-14)


def test_what_the_runtime_lacks_in_float64_is_named(tmp_path: Path) -> None:
    reference = reference_of_graph(graph(BATCHED_CONV), tmp_path)
    with pytest.raises(CannotBuild, match="ONNX Runtime has no Conv for its numbers"):
        reference.in_double()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{ z = RandomNormalLike(x)  y = Add(x, z) }", "in 'y'; take RandomNormalLike out of the graph"),
        (
            "{ p = Constant <value_float = 0.5> ()  t = Constant <value = bool {1}> ()  y = Dropout(x, p, t) }",
            "take Dropout out of the graph",
        ),
    ],
)
def test_a_graph_that_is_random_is_told_so(text: str, words: str, tmp_path: Path) -> None:
    reference: Any = reference_of_graph(graph(f"graph (float[N, 3] x) => (float[N, 3] y) {text}"), tmp_path)
    with pytest.raises(UserError, match=f"is random in evaluation: two equal calls differ by .*{words}"):
        export(reference, tmp_path / "b", ["onnx-fp32"], {}, "1")
    assert not (tmp_path / "b").exists()
