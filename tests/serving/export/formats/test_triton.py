"""A bundle as Triton's model repository."""

import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig

from tests.commands import run_command
from tests.serving.bright_bundle import described_boxes
from tests.serving.tiny_bundle import GOLDEN, described, written_external
from torchferry.contract.tasks.tensors import Tensors
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.formats.triton import config, write_triton


def export(*arguments: object, code: int = 0) -> str:
    done = run_command("-m", "torchferry", "export", *arguments)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_triton_gets_each_onnx_variant_with_its_tensors(bundle: Path, tmp_path: Path) -> None:
    assert "digits-onnx-fp32 in" in export(bundle, "--format", "triton", "-o", tmp_path / "repository")
    model = tmp_path / "repository" / "digits-onnx-fp32"
    assert [path.name for path in model.parent.iterdir()] == [model.name]
    config = text_format.Parse((model / "config.pbtxt").read_text(), ModelConfig())
    assert (config.name, config.backend, config.max_batch_size) == ("digits-onnx-fp32", "onnxruntime", 64)
    assert config.HasField("dynamic_batching")
    ((image,), (probabilities,)) = config.input, config.output
    assert (image.name, image.data_type, list(image.dims)) == ("image", DataType.TYPE_UINT8, [1, 8, 8])
    assert (probabilities.data_type, list(probabilities.dims)) == (DataType.TYPE_FP32, [10])
    assert probabilities.label_filename == "labels.txt"
    assert (model / "labels.txt").read_text().split() == list("0123456789")
    session = onnxruntime.InferenceSession(model / "1" / "model.onnx")
    inputs, expected = bundles.load(bundle).golden()
    np.testing.assert_allclose(session.run(["probabilities"], inputs)[0], expected["probabilities"], atol=1e-5)


def test_weights_beside_the_graph_are_taken_along(tmp_path: Path) -> None:
    [name] = write_triton(written_external(tmp_path), tmp_path / "repository")
    session = onnxruntime.InferenceSession(tmp_path / "repository" / name / "1" / "model.onnx")
    np.testing.assert_array_equal(session.run(None, {"row": GOLDEN})[0], GOLDEN)


def test_an_output_of_the_batch_alone_is_reshaped_for_triton(bundle: Path) -> None:
    best = TensorSpec(name="best", datatype="INT64", shape=(-1,))
    text = config(dataclasses.replace(bundles.load(bundle), task=Tensors(), outputs=(best,)), "onnx-fp32")
    (output,) = text_format.Parse(text, ModelConfig()).output
    assert (list(output.dims), output.HasField("reshape"), list(output.reshape.shape)) == ([1], True, [])


@pytest.mark.parametrize(("limit", "most"), [(None, 64), (1, 1), (8, 8), (500, 64)])
def test_triton_forms_no_larger_batches_than_the_bundle_allows(limit: int | None, most: int) -> None:
    found = text_format.Parse(config(described(max_batch=limit), "onnx-fp32"), ModelConfig())
    assert (found.max_batch_size, found.HasField("dynamic_batching")) == (most, most > 1)
    assert list(found.input[0].dims) == [3]


def test_what_is_missing_is_said(run: Path, bundle: Path, tmp_path: Path) -> None:
    for arguments, words in [
        ((bundle, "--format", "triton"), "needs a bundle, and the folder to write"),
        ((run, "--format", "triton", "-o", tmp_path / "x"), "is not a bundle"),
        ((bundle, "--format", "kserve", "-o", tmp_path / "x"), "--storage-uri: is missing"),
        (
            (bundle, "--format", "triton", "-o", tmp_path / "x", "--max-batch", "1"),
            "--max-batch: it stands in the bundle",
        ),
    ]:
        errors = export(*arguments, code=2)
        assert words in errors
        assert len(errors.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_a_detectors_config_says_whose_pixels_its_boxes_are_in() -> None:
    said = config(described_boxes(), "onnx-fp32")
    assert said.startswith("# In pixels of the tensor that is sent: boxes\n")
    assert text_format.Parse(said, ModelConfig()).name == "boxes-onnx-fp32"
