"""The golden inputs as files: each sample's tensors, and what TorchServe takes, which keeps every value."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.servers.jobs import IMAGES, a_bundle
from torchferry.benchmarks.servers.samples import write_samples


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
    write_samples(a_bundle(tmp_path / "bundle", decode=None), tmp_path / "tensors", tmp_path / "bodies")
    bodies = [json.loads(file.read_bytes()) for file in sorted((tmp_path / "bodies").glob("*.json"))]
    assert [body["inputs"][0]["data"] for body in bodies] == IMAGES.reshape(2, 4).tolist()
    assert bodies[0]["inputs"][0]["name"] == "image"
