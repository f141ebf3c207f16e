"""Segmentation from training to both servers: a picture is answered with its mask, as JSON and as a PNG."""

import io
import json
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands import run_command
from tests.server import Server
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.client import Refused, RestClient

RECIPE = """
name: scenes
epochs: 2
task: segmentation
data:
  source:
    name: digit_scenes
    args: {train_scenes: 64, test_scenes: 24, size: 32, objects: 2, smallest: 12, largest: 18}
  batch_size: 16
  augment: [{name: horizontal_flip}]
model: {name: unet, args: {classes: 11, channels: 1, width: 4, levels: 2}}
optimizer: {name: AdamW, args: {lr: 0.01}}
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("scenes")
    (folder / "recipe.yaml").write_text(RECIPE)
    trained = run_command("-m", "torchferry", "train", "--config", folder / "recipe.yaml", "--runs_dir", folder)
    assert trained.returncode == 0, trained.stderr
    exported = run_command("-m", "torchferry", "export", folder / "scenes", "--variants", "torch,onnx-fp32")
    assert exported.returncode == 0, exported.stderr
    return bundles.load(folder / "scenes" / "bundle")


def test_the_gate_judges_in_points_of_its_headline(bundle: Bundle) -> None:
    assert bundle.accepted == ["torch", "onnx-fp32"]
    measured = bundle.variants["onnx-fp32"].measured
    assert measured.metric == "miou"
    assert measured.score_drop_interval is not None
    assert "iou/ground" in measured.metrics
    assert measured.agreement is not None
    assert measured.agreement > 0.999


def test_its_pictures_and_metrics_are_left(bundle: Bundle) -> None:
    run = bundle.root.parent
    assert (run / "predictions.png").is_file()
    tested = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()][-1]
    assert {"miou", "pixel_accuracy", "iou/ground", "iou/9"} <= tested.keys()


@pytest.mark.parametrize("runtime", ["onnx", "torchserve"])
@pytest.mark.server
def test_both_servers_answer_with_a_mask(bundle: Bundle, runtime: str, tmp_path: Path) -> None:
    inputs, outputs = bundle.golden()
    picture = io.BytesIO()
    Image.fromarray(inputs["image"][0, 0]).save(picture, "PNG")
    options = () if runtime == "onnx" else ("--gateway", "nginx")
    server = Server(bundle.root, folder=tmp_path, runtime=runtime, options=options)
    try:
        model = f"{server.wait_ready()['rest']}/predictions/scenes{'' if runtime == 'onnx' else '-onnx-fp32'}"
        said, mask, also = (
            _asked(model + query, picture.getvalue(), accept)
            for query, accept in (("", "*/*"), ("", "image/png"), ("?form=png", "*/*"))
        )
        with RestClient(model.partition("/predictions")[0]) as client:
            name = model.rpartition("/")[2]
            assert client.file(name, picture.getvalue()) == mask[1]
            read = client.arrays(name, picture.getvalue(), bundle.task)["classes"]
            with pytest.raises(Refused, match="form=tiff is not known"):
                client.file(model.rpartition("/")[2], picture.getvalue(), "tiff")
    finally:
        server.stop()

    expected = outputs["classes"][0]
    assert read.shape == expected.shape
    assert (read == expected).mean() > 0.999
    assert said[0] == "application/json"
    content = json.loads(said[1])
    assert (bundle.task.read(content)["classes"] == expected).mean() > 0.999
    assert content["shares"]["ground"] == pytest.approx((expected == 0).mean(), abs=1e-3)
    for media, data in (mask, also):
        assert media == "image/png"
        with Image.open(io.BytesIO(data)) as opened:
            assert (np.asarray(opened) == expected).mean() > 0.999


def _asked(url: str, body: bytes, accept: str) -> tuple[str, bytes]:
    headers = {"Accept": accept, "Content-Type": "application/octet-stream"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        return answer.headers["Content-Type"], answer.read()
