"""The command with published preprocessing: from a file of weights to a served variant's answer for a photograph."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import ResNet18_Weights

from tests.serving.export.external.published.photographs import FOLDER, photographs
from torchferry.contract.image import decode_image
from torchferry.contract.tasks import name_of
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.export.export_command import main
from torchferry.serving.session import open_variant


class Small(nn.Sequential):
    """As many logits as ImageNet has classes."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 8, 16, stride=16), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 1000))


@pytest.mark.slow
def test_a_photograph_is_answered_as_torchvision_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    network = Small()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    named = ["--model", f"{__name__}.Small", "--weights", str(tmp_path / "weights.safetensors")]
    published = ["--input", "image", "--preprocess", "torchvision.models.ResNet18_Weights.DEFAULT"]
    main([*named, *published, "--variants", "onnx-fp32", "--output", str(tmp_path / "bundle")])

    said = capsys.readouterr().out
    assert (
        "pictures as ResNet18_Weights.IMAGENET1K_V1 prepares them: shorter side to 256, then the middle 224 x 224"
        in said
    )
    assert "labels: the 1,000 classes of ResNet18_Weights.IMAGENET1K_V1" in said
    assert "assumed" not in said

    bundle = bundles.load(tmp_path / "bundle")
    decode = bundle.inputs[0].image
    assert decode is not None
    assert (decode.resize, decode.fraction, decode.height) == ("crop", 0.875, 224)
    assert (name_of(type(bundle.task)), bundle.labels[0], len(bundle.labels)) == ("classification", "tench", 1000)
    assert bundle.provenance["preprocessing"] == "ResNet18_Weights.IMAGENET1K_V1"

    picture = decode_image((FOLDER / "china.jpg").read_bytes(), decode)
    answered = open_variant(bundle, "onnx-fp32", threads=1).run({"image": picture[None]})["probabilities"]
    with torch.no_grad():
        logits = network(ResNet18_Weights.DEFAULT.transforms()(photographs()[0])[None])
    np.testing.assert_allclose(answered, logits.softmax(dim=1), rtol=1e-3)
