"""Models that come as a file, from export to a bundle and its answers."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from tests.serving.export.onnx_graphs.graphs import FOUR, PRODUCT, ROWS, written
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.export.export_command import main, parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.external.given_network import GivenNetwork
from torchferry.serving.session import check_golden, open_variant

X = np.arange(30, dtype=np.float32).reshape(10, 3)
CLASSES = """graph (float[N, 3] x) => (string[N] label, seq(map(string, float)) scores)
<float[3, 2] w = {1, 2, 3, 4, 5, 6}> {
  z = MatMul(x, w)
  p = Softmax <axis: int = 1> (z)
  best = ArgMax <axis: int = 1, keepdims: int = 0> (p)
  label = ai.onnx.ml.LabelEncoder <keys_int64s = [0, 1], values_strings = ["cat", "dog"]> (best)
  scores = ai.onnx.ml.ZipMap <classlabels_strings = ["cat", "dog"]> (p)
}"""


def export(folder: Path, *options: object) -> bundles.Bundle:
    main([*map(str, options), "--output", str(folder / "bundle")])
    return bundles.load(folder / "bundle")


@pytest.mark.parametrize(("text", "most"), [(ROWS, None), (FOUR, 4), (PRODUCT, 1)])
def test_a_graph_is_served_as_it_computes(tmp_path: Path, text: str, most: int | None) -> None:
    bundle = export(tmp_path, written(tmp_path, text))
    assert (bundle.name, bundle.accepted, bundle.max_batch) == ("net", ["onnx-fp32"], most)
    assert bundle.provenance["model"] == "net.onnx"
    session = open_variant(bundle, "onnx-fp32", 1)
    check_golden(session, bundle, "onnx-fp32")
    given = bundle.golden()[0]
    assert len(session.run(given)["y"]) == len(next(iter(given.values())))


def test_a_classifier_of_scikit_learns_is_one_with_its_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "data.npz", x=X / 10, targets=np.ones(10, np.int64))
    bundle = export(tmp_path, written(tmp_path, CLASSES), "--eval-data", tmp_path / "data.npz")
    assert bundle.labels == ("cat", "dog")
    assert bundle.reference["metric"] == "accuracy"
    assert "its scores are probabilities already" in capsys.readouterr().out
    scores = open_variant(bundle, "onnx-fp32", 1).run({"x": X[:2] / 10})["probabilities"]
    exact = np.exp(X[:2] / 10 @ np.arange(1, 7).reshape(3, 2))
    np.testing.assert_allclose(scores, exact / exact.sum(axis=1, keepdims=True), rtol=1e-4)


def test_pictures_are_prepared_in_front_of_a_graph(tmp_path: Path) -> None:
    path = written(
        tmp_path, "graph (float[N, h, w, 3] x) => (float[N, 3] y) { y = ReduceMean <keepdims: int = 0> (x, a) }"
    )
    model = onnx.load(path)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 2]), "a"))
    onnx.save(model, path)
    Image.new("RGB", (8, 8), (255, 0, 51)).save(tmp_path / "a.png")
    bundle = export(tmp_path, path, "--input", "image:8", "--normalize", "none")
    pixels = np.zeros((1, 3, 8, 8), np.uint8) + np.array([255, 0, 51], np.uint8)[:, None, None]
    answer = open_variant(bundle, "onnx-fp32", 1).run({"x": pixels})["y"]
    np.testing.assert_allclose(answer, [[1, 0, 0.2]], atol=1e-6)


def test_what_a_graph_is_known_to_give_is_held_against_it(tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    np.savez(tmp_path / "data.npz", x=X)
    np.savez(tmp_path / "known.npz", y=X @ np.arange(1, 7).reshape(3, 2))
    options = ("--eval-data", tmp_path / "data.npz", "--reference", tmp_path / "known.npz")
    assert "onnx-fp32" in export(tmp_path, path, *options).accepted
    np.savez(tmp_path / "known.npz", y=X @ np.arange(2, 8).reshape(3, 2))
    with pytest.raises(UserError, match="--reference: 'y' of sample 0 differs by 3"):
        export(tmp_path / "other", path, *options)


def test_a_torch_variant_of_a_graph_is_skipped_with_the_reason(tmp_path: Path) -> None:
    bundle = export(tmp_path, written(tmp_path, ROWS), "--variants", "all")
    assert "is an ONNX graph, of which no torch program" in bundle.skipped["torch"]


def test_outputs_among_which_the_scores_are_not_known_are_refused_by_their_names(tmp_path: Path) -> None:
    two = """graph (float[N, 3] x) => (int64[N] label, float[N, 2] scores) <float[3, 2] w = {1, 2, 3, 4, 5, 6}> {
      scores = MatMul(x, w)
      label = ArgMax <axis: int = 1, keepdims: int = 0> (scores)
    }"""
    path = written(tmp_path, two)
    words = "say --task tensors, or with --outputs which of label, scores it is$"
    with pytest.raises(UserError, match=words):
        export(tmp_path, path, "--task", "classification")
    assert export(tmp_path, path, "--task", "classification", "--outputs", "scores").task.outputs == ("probabilities",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--weights", "w.pth"), "--weights: is for a network of torch; net.onnx is an ONNX graph"),
        (("--model-args", '{"a": 1}'), "--model-args: is for a network of torch"),
        (("--weights-key", "ema"), "--weights-key: is for a network of torch"),
        (("--outputs", "z"), "--outputs: net.onnx has no output 'z'; it has y"),
        (("--max-batch", "9"), "--max-batch: 9 is more than the 4 that the model's graph was made for"),
        (("--reference", "known.npz"), "--reference: needs the samples that it is of; give them with --eval-data"),
    ],
)
def test_options_that_cannot_hold_are_refused(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError, match=words):
        export(tmp_path, written(tmp_path, FOUR), *options)
    assert not (tmp_path / "bundle").exists()


def test_a_mean_of_pixels_that_a_graph_takes_as_they_are_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "graph (uint8[N, 3, 8, 8] x) => (uint8[N, 3, 8, 8] y) { y = Identity(x) }")
    with pytest.raises(UserError, match=r"--mean: 'x' in net.onnx takes pixels as they are, 0 to 255; leave it out"):
        export(tmp_path, path, "--input", "image:8", "--mean", "0.5,0.5,0.5", "--std", "1,1,1")


def test_a_network_of_torch_is_bound_as_before() -> None:
    given = parser().parse_args(["--model", "torch.nn.ReLU", "--input", "table:3"])
    network = GivenNetwork(given)
    assert (network.kind, network.folder, network.meaning) == (None, None, None)
    assert network.network is not None
    with pytest.raises(UserError, match="--outputs: is for an ONNX graph"):
        load_given(parser().parse_args(["--model", "torch.nn.ReLU", "--input", "table:3", "--outputs", "a"]))


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="there is no file here that cannot be read")
def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(UserError, match=r"/proc/self/mem: cannot be read \(Input/output error\)"):
        load_given(parser().parse_args(["--model", "/proc/self/mem"]))
