"""Which outputs of a file are served."""

from pathlib import Path

import numpy as np
import pytest

from tests.serving.export.onnx_graphs.graphs import graph
from torchferry.errors import UserError
from torchferry.serving.export.onnx_graphs.file_outputs import served_outputs
from torchferry.serving.export.onnx_graphs.onnx_file import values_of
from torchferry.serving.export.onnx_graphs.onnx_network import computed

PATH = Path("net.onnx")
CLASSIFIER = """graph (float[N, 2] x) => (string[N] label, seq(map(string, float)) scores) {
  p = Softmax <axis: int = 1> (x)
  best = ArgMax <axis: int = 1, keepdims: int = 0> (p)
  label = ai.onnx.ml.LabelEncoder <keys_int64s = [0, 1], values_strings = ["cat", "dog"]> (best)
  scores = ai.onnx.ml.ZipMap <classlabels_strings = ["cat", "dog"]> (p)
}"""
TWO = "graph (float[N, 2] x) => (float[N, 2] a, float[N, 2] b) { a = Relu(x) b = Neg(x) }"


def test_a_dictionary_of_scores_becomes_a_tensor_and_its_classes(capsys: pytest.CaptureFixture[str]) -> None:
    made, labels = served_outputs(graph(CLASSIFIER), (), PATH)
    assert labels == {"scores": ("cat", "dog")}
    scores = computed(made, {"x": np.zeros((3, 2), np.float32)})["scores"]
    np.testing.assert_array_equal(scores, np.full((3, 2), 0.5, np.float32))
    assert capsys.readouterr().out == "--model: net.onnx gives words in label, which is left out\n"


def test_numbers_name_classes_too() -> None:
    text = CLASSIFIER.replace("map(string", "map(int64").replace(
        'classlabels_strings = ["cat", "dog"]', "classlabels_int64s = [7, 9]"
    )
    assert served_outputs(graph(text), ("scores",), PATH)[1] == {"scores": ("7", "9")}


def test_some_outputs_are_kept() -> None:
    made, _ = served_outputs(graph(TWO), ("b",), PATH)
    assert [each.name for each in made.graph.output] == ["b"]
    with pytest.raises(UserError, match=r"--outputs: net\.onnx has no output 'bb'; did you mean b"):
        served_outputs(graph(TWO), ("bb",), PATH)


def test_a_sequence_of_known_tensors_is_an_output_for_each() -> None:
    text = """graph (float[N, 2] x) => (seq(float[N, 2]) both, float[N, 2] last) {
      a = Relu(x) b = Neg(x) both = SequenceConstruct(a, b) last = Add(a, b) }"""
    made, _ = served_outputs(graph(text), (), PATH)
    given = computed(made, {"x": np.full((1, 2), 3, np.float32)})
    assert {name: values.tolist() for name, values in given.items()} == {
        "both_0": [[3, 3]],
        "both_1": [[-3, -3]],
        "last": [[0, 0]],
    }
    assert [value.datatype for value in values_of(made, PATH)[1]] == ["FP32"] * 3


def test_names_of_a_sequences_outputs_are_none_that_the_graph_has() -> None:
    text = """graph (float[N, 2] x) => (seq(float[N, 2]) both) {
      both_0 = Relu(x) b = Neg(x) both = SequenceConstruct(both_0, b) }"""
    made, _ = served_outputs(graph(text), (), PATH)
    given = computed(made, {"x": np.full((1, 2), 3, np.float32)})
    assert {name: values.tolist() for name, values in given.items()} == {"both_0_": [[3, 3]], "both_1": [[-3, -3]]}


def test_words_of_a_graph_without_scores_are_served(capsys: pytest.CaptureFixture[str]) -> None:
    text = "graph (string[N, 1] x, float[N, 1] z) => (string[N, 1] y, float[N, 1] w) { y = Identity(x) w = Neg(z) }"
    made, _ = served_outputs(graph(text), (), PATH)
    assert [each.name for each in made.graph.output] == ["y", "w"]
    assert not capsys.readouterr().out
