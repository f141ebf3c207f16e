"""A variant gives what the checkpoint gives, and the bundle says which samples it takes."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.serving import tiny_bundle
from tests.serving.export.tiny_reference import half
from tests.training.data.sources import image_tree, refusal
from torchferry.contract.image import CHANNELS, decode_image
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.export.evaluate_bundle import Answers, card_of, check_data_is_known, load_variant
from torchferry.training.data.source import ImageInput
from torchferry.training.discovery.other_data import data_of
from torchferry.training.models.saved import load_model


def test_probabilities_become_logits_again() -> None:
    class Known:
        def __init__(self, name: str, given: torch.Tensor) -> None:
            self.name, self.given = name, given

        def run(self, _: object) -> dict[str, np.ndarray]:
            return {self.name: self.given.numpy()}

    def raw(task: str, given: torch.Tensor) -> torch.Tensor:
        meant = half(task, ("a", "b", "c"))
        (name,) = meant.task.outputs
        judged = Answers(Known(name, given), "x", meant)(given)
        assert torch.equal(judged.answers[name], given)
        assert judged.raw is not None
        return judged.raw.float()

    logits = torch.tensor([[1.0, -2.0, 0.5]])
    assert torch.allclose(raw("classification", logits.softmax(1)).softmax(1), logits.softmax(1))
    one = torch.tensor([[3.0]])
    assert torch.allclose(raw("binary", one.sigmoid()), one, atol=1e-5)
    assert torch.allclose(raw("multilabel", logits.sigmoid()), logits, atol=1e-5)
    assert torch.equal(raw("regression", one), one)


@pytest.mark.slow
def test_a_variant_answers_as_the_checkpoint(run: Path, bundle: Path) -> None:
    model, card = load_model(run)
    answers, chosen = load_variant(bundles.load(bundle), None)
    images = torch.randint(0, 256, (3, *card.input.shape), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.allclose(answers(images).answers["probabilities"], model(images).softmax(1), atol=1e-5)
    assert chosen == "onnx-fp32"
    assert card_of(bundles.load(bundle)).data == card.data


@pytest.mark.slow
def test_away_from_its_run_a_bundle_of_pictures_takes_a_folder(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "b")
    loaded = bundles.load(tmp_path / "b")
    card = card_of(loaded)
    assert isinstance(card.input, ImageInput)
    assert (card.data.name, card.data.args["height"], card.input.height) == ("image_folder", 8, 8)
    check_data_is_known(card, loaded, "folder", None)
    assert "give --data ROOT" in refusal(lambda: check_data_is_known(card, loaded, None, None))
    assert "has no accepted variant 'torch-x'" in refusal(lambda: load_variant(loaded, "torch-x"))


def test_of_pictures_that_class_folders_do_not_fit_a_source_is_asked_for(tmp_path: Path) -> None:
    decode = ImageDecode(mode="L", height=4, width=4, interpolation="bilinear")
    image = TensorSpec(name="image", datatype="UINT8", shape=(-1, 1, 4, 4), decode=decode)
    masks = TensorSpec(name="classes", datatype="UINT8", shape=(-1, 4, 4))
    made = tiny_bundle.described(tmp_path, task="segmentation", inputs=(image,), outputs=(masks,))
    refused = refusal(lambda: check_data_is_known(card_of(made), made, None, None))
    assert refused == f"{tmp_path}: lies in no run folder, and takes images; give --source"


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("RGB", {"resize": "crop", "fraction": 0.6, "antialias": False}),
        ("RGB", {"resize": "pad", "fill": (1, 2, 3)}),
        ("RGBA", {}),
    ],
)
def test_a_folders_pictures_are_resized_as_the_bundle_says(mode: str, said: dict[str, Any], tmp_path: Path) -> None:
    root = image_tree(tmp_path)
    decode = ImageDecode(mode=mode, height=6, width=6, interpolation="bicubic", **said)
    image = TensorSpec(name="image", datatype="UINT8", shape=(-1, CHANNELS[mode], 6, 6), decode=decode)
    card = card_of(tiny_bundle.described(inputs=(image,), labels=("ant", "bee", "cat")))
    source = data_of(card, str(root), None)
    sample = (root / "test" / "ant" / "0.png").read_bytes()
    assert torch.equal(source.test[0][0], torch.from_numpy(decode_image(sample, decode)))
