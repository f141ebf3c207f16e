"""A fully convolutional U-Net over sizes: exported, and served among requests of other sizes as the checkpoint answers
each alone."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.serving.onnx_server.exchanges import begin
from tests.serving.onnx_server.in_process import serving_bundles
from tests.serving.wire import in_loop
from tests.training.data.pictures.test_image_masks import source, write
from torchferry.contract.tasks.segmentation import Segmentation
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.export.export_command import main
from torchferry.serving.export.external.given_source import read_source
from torchferry.serving.export.external.input_spec import read_input
from torchferry.serving.onnx_server.inference import Inference
from torchferry.serving.session import open_variant
from torchferry.training.config.instantiate import Component
from torchferry.training.models.saved import ModelCard, build_model, save_model
from torchferry.training.tasks import half_of

INPUT = "image:L:[8..40/4]x[8..64/4]"


class Seeded(torch.nn.Module):
    def __init__(self, width: int = 2) -> None:
        super().__init__()
        from torchferry.training.models.unet import UNet

        torch.manual_seed(0)
        self.net = UNet(classes=2, width=width, levels=2, channels=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.net(image)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> bundles.Bundle:
    root = tmp_path_factory.mktemp("unet") / "b"
    model = ["--model", f"{__name__}:Seeded", "--input", INPUT, "--normalize", "none"]
    main([*model, "--task", "tensors", "--variants", "onnx-fp32", "--name", "tiny", "-o", str(root)])
    return bundles.load(root)


def test_both_sides_of_the_answer_vary_with_the_pictures(exported: bundles.Bundle) -> None:
    (image,), (scores,) = exported.inputs, exported.outputs
    assert (image.shape, scores.shape) == ((-1, 1, -1, -1), (-1, 2, -1, -1))
    assert [axis.name for axis in scores.axes] == ["height", "width"]
    assert not exported.pads, "of a picture nothing says where it ends"
    assert exported.accepted == ["onnx-fp32"]


def test_a_picture_of_any_size_is_answered_as_the_checkpoint_does(exported: bundles.Bundle) -> None:
    random, network = np.random.default_rng(0), Seeded().eval()
    sessions = [open_variant(exported, variant, threads=1) for variant in exported.accepted]
    for height, width in ((8, 8), (40, 64), (8, 64), (12, 12), (36, 20)):
        pixels = random.integers(0, 256, (2, 1, height, width), np.uint8)
        with torch.inference_mode():
            wanted = network(torch.from_numpy(pixels).float() / 255).numpy()
        for session in sessions:
            np.testing.assert_allclose(session.run({"image": pixels})[exported.outputs[0].name], wanted, atol=1e-4)


@in_loop
async def test_it_is_served_among_requests_of_other_sizes(exported: bundles.Bundle) -> None:
    random, network = np.random.default_rng(1), Seeded().eval()
    shapes = [(1, 1, height, width) for height in (8, 20, 40) for width in (8, 28, 64)] * 4
    pictures = [random.integers(0, 256, shape, np.uint8) for shape in shapes]
    async with serving_bundles(exported, threads=1) as plane:
        asked: list[Any] = [begin(plane, Inference({"image": pixels})) for pixels in pictures]
        answers = await asyncio.gather(*(each.outcome() for each in asked))
    for pixels, answer in zip(pictures, answers, strict=True):
        with torch.inference_mode():
            wanted = network(torch.from_numpy(pixels).float() / 255).numpy()
        np.testing.assert_allclose(answer[exported.outputs[0].name], wanted, atol=1e-4)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Of pictures that were trained with at 20 x 30."""
    for split in ("train", "test"):
        for number, size in enumerate(((30, 20), (20, 40), (60, 40), (10, 10))):
            write(tmp_path / "data" / split, f"{split}{number}", size)
    args = {"root": str(tmp_path / "data"), "labels": ["dark", "bright"], "height": 20, "width": 28, "mode": "L"}
    made, network = source(tmp_path / "data"), Component(name=f"{__name__}.Seeded", args={})
    card = ModelCard(
        name="bright",
        task=Segmentation(labels=made.labels),
        network=network,
        input=source(tmp_path / "data", **{name: args[name] for name in ("height", "width")}).input,
        data=Component(name="image_masks", args=args | {"normalize": "none"}),
        result={},
        step=1,
        torch="2",
    )
    (tmp_path / "run").mkdir()
    save_model(tmp_path / "run" / "model", build_model(network, card.input), card)
    return tmp_path / "run"


def test_a_run_is_judged_on_its_pictures_as_they_are(run: Path) -> None:
    main([str(run), "--sizes", "height=8..40/4,width=8..64/4", "--variants", "onnx-fp32,onnx-int8"])
    made = bundles.load(run / "bundle")
    assert made.inputs[0].image
    assert (made.inputs[0].image.resize, made.outputs[0].shape) == ("keep", (-1, -1, -1))
    assert made.variants["onnx-fp32"].status == "accepted"
    assert made.variants["onnx-fp32"].measured.samples == 4
    golden = {inputs["image"].shape[2:] for inputs, _ in made.goldens()}
    assert golden == {(12, 12), (40, 20), (40, 60)}


def test_a_source_of_pictures_judges_another_model_as_they_are(run: Path) -> None:
    judged = read_input("image:L:[8..40/4]x[8..64/4]", 0, {"normalize": "none"})
    said = f"{{name: image_masks, args: {{root: {run.parent / 'data'}, labels: 2}}}}"
    found, _ = read_source(said, [judged], half_of(Segmentation(labels=("0", "1"))))
    assert sorted(tuple(found.test[place][0].shape) for place in range(4)) == [
        (1, 12, 12),
        (1, 20, 32),
        (1, 40, 20),
        (1, 40, 60),
    ]


def test_sizes_that_the_network_does_not_take_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--sizes: the model does not take 9 height and .*sides are multiples of 4"):
        main([str(run), "--sizes", "9..40"])
    with pytest.raises(UserError, match=r"^--sizes: is for a run; of a model that was not trained here --input says"):
        main(["--model", f"{__name__}:Seeded", "--input", INPUT, "--sizes", "8..40/4", "-o", str(tmp_path / "c")])
    flat = ["--model", f"{__name__}:flat", "--input", "image:L:[8..40/4]", "-o", str(tmp_path / "c")]
    with pytest.raises(UserError, match=r"^--input: the model does not take it: .* shapes cannot be multiplied"):
        main(flat)
    assert not (tmp_path / "c").exists()


def flat() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(8 * 8, 2))
