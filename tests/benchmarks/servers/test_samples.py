"""The golden inputs as files: each sample's tensors, and what TorchServe takes, which keeps every value."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.benchmarks.servers.jobs import GREY, IMAGES, a_bundle
from torchferry.benchmarks.servers.samples import write_samples
from torchferry.contract.image import CHANNELS, decode_image
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.predictions_json import read_request


def test_each_sample_has_its_tensors(tmp_path: Path) -> None:
    write_samples(a_bundle(tmp_path / "bundle"), tmp_path / "tensors", tmp_path / "bodies")
    files = sorted((tmp_path / "tensors").iterdir())
    assert [file.name for file in files] == ["000.npz", "001.npz"]
    np.testing.assert_array_equal(np.concatenate([np.load(file)["image"] for file in files]), IMAGES)
    assert np.load(files[0])["image"].shape == (1, 1, 2, 2)


def test_an_image_keeps_every_value(tmp_path: Path) -> None:
    write_samples(a_bundle(tmp_path / "bundle"), tmp_path / "tensors", tmp_path / "bodies")
    files = sorted((tmp_path / "bodies").iterdir())
    assert [file.name for file in files] == ["000.png", "001.png"]
    np.testing.assert_array_equal([np.asarray(Image.open(file)) for file in files], IMAGES[:, 0])


def test_what_is_no_image_is_json(tmp_path: Path) -> None:
    image = TensorSpec(name="image", datatype="UINT8", shape=(-1, 1, 2, 2))
    write_samples(a_bundle(tmp_path / "bundle", inputs=(image,)), tmp_path / "tensors", tmp_path / "bodies")
    bodies = [json.loads(file.read_bytes()) for file in sorted((tmp_path / "bodies").glob("*.json"))]
    assert [body["inputs"][0]["data"] for body in bodies] == IMAGES.reshape(2, 4).tolist()
    assert bodies[0]["inputs"][0]["name"] == "image"


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize(("resize", "fraction"), [("crop", 0.6), ("squash", 0.875), ("pad", 1.0)])
def test_a_picture_becomes_the_sample_again(mode: str, resize: str, fraction: float, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, CHANNELS[mode], 5, 7), np.uint8)
    bundle = a_bundle(tmp_path / "bundle")
    np.savez(bundle.root / "golden" / "inputs.npz", image=images)
    decode = ImageDecode(
        mode=mode, height=5, width=7, interpolation="bilinear", exif="apply", resize=resize, fraction=fraction
    )
    inputs = (dataclasses.replace(bundle.inputs[0], decode=decode),)
    bundle = dataclasses.replace(bundle, inputs=inputs, files=bundles.checksums(bundle.root))
    write_samples(bundle, tmp_path / "tensors", tmp_path / "bodies")
    files = sorted((tmp_path / "bodies").iterdir())
    np.testing.assert_array_equal([decode_image(file.read_bytes(), decode) for file in files], images)


def test_several_inputs_are_instances_with_files(tmp_path: Path) -> None:
    inputs = tuple(
        TensorSpec(name=name, datatype="UINT8", shape=(-1, 1, 2, 2), decode=decode)
        for name, decode in (("left", GREY), ("pixels", None))
    )
    bundle = a_bundle(tmp_path / "bundle", inputs=inputs)
    np.savez(bundle.root / "golden" / "inputs.npz", left=IMAGES, pixels=IMAGES)
    bundle = dataclasses.replace(bundle, files=bundles.checksums(bundle.root))
    write_samples(bundle, tmp_path / "tensors", tmp_path / "bodies")
    bodies = [file.read_bytes() for file in sorted((tmp_path / "bodies").glob("*.json"))]
    for body, expected in zip(bodies, IMAGES, strict=True):
        (sample,) = json.loads(body)["instances"]
        assert set(sample["left"]) == {"b64"}
        read = read_request(body, bundle).decoded(bundle).inputs
        np.testing.assert_array_equal(read["left"][0], expected)
        np.testing.assert_array_equal(read["pixels"][0], expected)
