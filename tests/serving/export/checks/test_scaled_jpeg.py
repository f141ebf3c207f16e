"""The effect of scaled JPEGs on a model's answers is measured, said, and refused beyond the limits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.serving.export.tiny_reference import half
from torchferry.errors import GateError, UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.checks.scaled_jpeg import scaled_jpeg_effect
from torchferry.serving.export.external.external_data import in_full, samples_of
from torchferry.serving.export.external.input_spec import read_input
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.trained import decode_of
from torchferry.training.data.pictures.image_files import ImageFiles

LABELS = ("fine", "flat")
TASK = half("classification", LABELS)


class Sharpness(nn.Module):
    """Logits of a picture whose neighbouring columns differ, and of one whose do not."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        values = pictures.float()
        differences = (values[..., 1:] - values[..., :-1]).abs().mean(dim=(1, 2, 3))
        return torch.stack([differences, torch.ones_like(differences)], dim=1).softmax(dim=1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four JPEGs of 32 x 32 in each class. In the fine ones each second column is dark, which no half shows."""
    folder = tmp_path_factory.mktemp("pictures")
    for label in LABELS:
        (folder / label).mkdir()
        for index in range(4):
            pixels = np.full((32, 32, 3), 100 + index, np.uint8)
            if label == "fine":
                pixels[:, ::2] -= 40
            Image.fromarray(pixels).save(folder / label / f"{index}.jpg", quality=95, subsampling=0)
    return folder


def reference(data: Path | None, jpeg: str = "scaled", side: int = 16, how: str = "bilinear") -> Reference:
    inputs = [read_input(f"image:{side}", 0, {"jpeg": jpeg, "normalize": "none", "interpolation": how})]
    test = samples_of(data, inputs, LABELS, TASK, "--eval-data")
    return Reference(
        name="sharpness",
        task=TASK.task,
        module=Sharpness().eval(),
        inputs=(TensorSpec(name="image", datatype="UINT8", shape=(-1, 3, side, side), decode=decode_of(inputs[0].of)),),
        outputs=(TensorSpec(name="probabilities", datatype="FP32", shape=(-1, 2)),),
        test=test,
        test_in_full=in_full(test),
        calibration=None,
        limits={},
        provenance={},
    )


def test_in_full_nothing_is_measured(pictures: Path) -> None:
    assert in_full(reference(pictures, "full").test) is None
    assert scaled_jpeg_effect(reference(pictures, "full"), {}) == {}


def test_the_effect_is_measured_and_said(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Averaging gives flat pictures as well, of other grey levels."""
    effect = scaled_jpeg_effect(reference(pictures), {})
    assert (effect["samples"], effect["agreement"], effect["score_drop"]) == (8, 1.0, 0.0)
    assert 1 <= effect["changed"] <= 8
    said = f"jpeg: scaled changes {effect['changed']} of 8 pictures: largest difference "
    assert capsys.readouterr().out.startswith(said)


def test_beyond_the_limits_it_is_refused(pictures: Path) -> None:
    """Nearest takes single columns of a picture in full, and none of them from a half. So all are flat only there."""
    other = reference(pictures, side=15, how="nearest")
    words = "jpeg: scaled is refused, .*: accuracy drops by 50.00%, .*; agreement with the .* is 50.00%, at least"
    with pytest.raises(GateError, match=words):
        scaled_jpeg_effect(other, {})
    effect = scaled_jpeg_effect(other, {"max_drop": 1.0, "min_agreement": 0.0})
    assert (effect["score"], effect["score_drop"]) == (0.5, 0.5)


def test_what_it_cannot_be_measured_on_is_refused(pictures: Path) -> None:
    with pytest.raises(UserError, match="jpeg: scaled is measured on files; give a folder of pictures with --eval"):
        scaled_jpeg_effect(reference(None), {})
    with pytest.raises(UserError, match="jpeg: scaled changes none of the 8 pictures"):
        scaled_jpeg_effect(reference(pictures, side=20), {})
    row = TensorSpec(name="row", datatype="FP32", shape=(-1, 2))
    several = reference(pictures)
    with pytest.raises(UserError, match="jpeg: scaled is measured on files, which no evaluation data of several inpu"):
        scaled_jpeg_effect(replace(several, inputs=(row, *several.inputs)), {})


def test_the_samples_are_the_same_in_the_same_order(pictures: Path) -> None:
    made = reference(pictures)
    assert made.test_in_full is not None
    (given, targets), (whole, same) = next(made.test.batches()), next(made.test_in_full.batches())
    np.testing.assert_array_equal(targets, same)
    assert given["image"].shape == whole["image"].shape
    given_files, whole_files = made.test.data, made.test_in_full.data
    assert isinstance(given_files, ImageFiles)
    assert isinstance(whole_files, ImageFiles)
    assert replace(given_files.image, jpeg="full") == whole_files.image
