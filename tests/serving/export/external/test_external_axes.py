"""Networks of which axes vary are exported, and answer a sample of any size between its bounds as the checkpoint does
alone."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from tests.serving.export import varying_nets
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.export.export_command import main
from torchferry.serving.session import check_golden, open_variant

NETS = varying_nets.__name__
MASKED = ["input_ids=tensor:INT64:[tokens=1..64]", "attention_mask=tensor:INT64:[tokens=1..64]"]


def export(folder: Path, network: str, inputs: list[str], *options: str) -> Bundle:
    given = [word for text in inputs for word in ("--input", text)]
    main(["--model", f"{NETS}:{network}", *given, *options, "-o", str(folder / "b")])
    return bundles.load(folder / "b")


def check(bundle: Bundle, network: nn.Module, *samples: torch.Tensor) -> None:
    with torch.inference_mode():
        given = network.eval()(*samples)
    expected = list(given.values()) if isinstance(given, dict) else [given]
    for variant in bundle.accepted:
        session = open_variant(bundle, variant, threads=1)
        answered = session.run({spec.name: each.numpy() for spec, each in zip(bundle.inputs, samples, strict=True)})
        for values, wanted in zip(answered.values(), expected, strict=True):
            np.testing.assert_allclose(values, wanted, atol=1e-4)


def test_an_encoder_with_a_mask(tmp_path: Path) -> None:
    pads = ["--pad", "input_ids=0", "--pad", "attention_mask=0"]
    bundle = export(tmp_path, "Encoder", MASKED, *pads, "--variants", "torch,onnx-fp32")
    assert bundle.accepted == ["torch", "onnx-fp32"]
    assert bundle.pads
    assert [spec.shape for spec in bundle.inputs] == [(-1, -1)] * 2
    assert [axis.name for axis in bundle.outputs[1].axes] == ["tokens"]
    graph = onnx.load(bundle.variant_file("onnx-fp32")).graph
    dims = [[dim.dim_param for dim in value.type.tensor_type.shape.dim[:2]] for value in graph.input]
    assert dims == [["batch", "tokens"]] * 2
    assert bundle.reference["speed_sizes"].keys() == {"tokens"}
    sizes = [inputs["input_ids"].shape[1] for inputs, _ in bundle.goldens()]
    assert len(sizes) == 3
    assert sizes[1:] == [1, 64]
    for size in (1, 2, 33, 64):
        ids = torch.randint(1, 50, (3, size))
        check(bundle, varying_nets.Encoder(), ids, torch.ones_like(ids))
    for variant in bundle.accepted:
        check_golden(open_variant(bundle, variant, threads=1), bundle, variant)


def test_a_convolution_over_sound_of_any_length(tmp_path: Path) -> None:
    bundle = export(tmp_path, "Sound", ["x:FP32:[samples=16..4000]"], "--variants", "torch,onnx-fp32")
    assert bundle.accepted == ["torch", "onnx-fp32"]
    assert not bundle.pads
    for size in (16, 17, 4000):
        check(bundle, varying_nets.Sound(), torch.randn(2, size))


def test_a_fully_convolutional_network_over_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = export(tmp_path, "UNet", ["x:FP32:3x[h=2..32/2]x[w=2..32/2]"], "--variants", "torch,onnx-fp32")
    assert bundle.accepted == ["torch", "onnx-fp32"]
    assert "no --pad: only samples of equal sizes are computed together" in capsys.readouterr().out
    assert bundle.outputs[0].shape == (-1, 2, -1, -1)
    assert [axis.name for axis in bundle.outputs[0].axes] == ["h", "w"]
    for shape in ((2, 2), (32, 2), (18, 24)):
        check(bundle, varying_nets.UNet(), torch.randn(2, 3, *shape))


def test_an_embedding_bag_is_judged_and_quantised_on_texts_of_their_own_lengths(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    ids, sizes = random.integers(1, 50, (200, 30)), random.integers(1, 31, 200)
    known = np.array(
        [
            varying_nets.Bag()(torch.from_numpy(row[None, :size]))[0].argmax().item()
            for row, size in zip(ids, sizes, strict=True)
        ]
    )
    np.savez(tmp_path / "texts.npz", **{"ids": ids, "sizes.tokens": sizes, "targets": known})  # type: ignore[arg-type]
    (tmp_path / "labels").write_text("ham\nspam\n")
    data = ["--eval-data", str(tmp_path / "texts.npz"), "--labels", str(tmp_path / "labels"), "--pad", "ids=0"]
    bundle = export(tmp_path, "Bag", ["ids:INT64:[tokens=1..30]"], *data, "--variants", "onnx-fp32,onnx-int8")
    assert bundle.reference["score"] == 1.0
    assert bundle.variants["onnx-fp32"].measured.score == 1.0
    assert bundle.variants["onnx-int8"].measured.samples == 200


def test_padding_that_leaks_is_refused_with_the_size_that_showed_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"padding leaks: .* for 1 tokens differs by .* beside 3 tokens"):
        export(tmp_path, "Leaking", ["ids:INT64:[tokens=1..64]"], "--pad", "ids=0")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (["x:FP32:[samples=1..4000]"], "--input: the model does not take 1 samples"),
        (["x:FP32:[samples=16..400000000]"], "has up to 400,000,000 elements; servers take up to"),
    ],
)
def test_bounds_that_are_wrong_are_told(tmp_path: Path, inputs: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        export(tmp_path, "Sound", inputs)


def test_the_description_says_the_axes(tmp_path: Path) -> None:
    bundle = export(tmp_path, "Bag", ["ids:INT64:[2..64]"], "--pad", "ids=0", "--variants", "onnx-fp32")
    (ids,) = json.loads((bundle.root / "model.json").read_text())["inputs"]
    assert ids["axes"] == [{"at": 1, "name": "ids_1", "least": 2, "most": 64, "step": 1}]
    assert ids["pad"] == 0
