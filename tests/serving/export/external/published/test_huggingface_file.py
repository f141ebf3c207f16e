"""preprocessor_config.json, as the repositories of common networks have it."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.serving.export.external.published.photographs import apart, input_of, photographs, pixels_of
from torchferry.errors import UserError
from torchferry.serving.export.external.published.huggingface_file import huggingface_file
from torchferry.serving.export.external.published.preprocessing import Preprocessing

HALF, IMAGENET = [0.5, 0.5, 0.5], ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
DONE = {"do_resize": True, "do_normalize": True, "image_mean": IMAGENET[0], "image_std": IMAGENET[1], "resample": 3}
VIT = {
    "do_normalize": True,
    "do_resize": True,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_convert_rgb": None,
    "image_processor_type": "ViTImageProcessor",
    "resample": 2,
    "size": {"height": 224, "width": 224},
    "image_mean": HALF,
    "image_std": HALF,
}
CROPPED = {"do_center_crop": True, "crop_size": {"height": 224, "width": 224}}
SHORTER = {"shortest_edge": 256}
EFFICIENT = {"image_processor_type": "EfficientNetImageProcessor", "include_top": True, "rescale_offset": False}
MOBILE = {"image_processor_type": "MobileNetV2ImageProcessor"}
CONVNEXT = {**DONE, "feature_extractor_type": "ConvNextFeatureExtractor", "crop_pct": 0.875}


def taken(folder: Path, config: dict[str, Any]) -> Preprocessing:
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(config))
    return huggingface_file(path)


COMMON: dict[str, tuple[dict[str, Any], str, int, int]] = {
    "ViT": (VIT, "squash", 224, 224),
    "Swin": (VIT | {"size": 224, "image_processor_type": "ViTFeatureExtractor"}, "squash", 224, 224),
    "DeiT": (DONE | {"feature_extractor_type": "DeiTFeatureExtractor", "size": 256} | CROPPED, "squash", 224, 256),
    "ResNet": (CONVNEXT | {"size": 224}, "crop", 224, 256),
    "ConvNeXT": (CONVNEXT | {"size": {"shortest_edge": 224}, "crop_pct": None}, "crop", 224, 256),
    "ConvNeXT 384": (CONVNEXT | {"size": {"shortest_edge": 384}}, "squash", 384, 384),
    "BiT": (VIT | CROPPED | {"image_processor_type": "BitImageProcessor", "size": SHORTER}, "crop", 224, 256),
    "MobileNet": (
        VIT | CROPPED | {**MOBILE, "size": SHORTER},
        "crop",
        224,
        256,
    ),
    "LeViT": (DONE | CROPPED | {"feature_extractor_type": "LevitFeatureExtractor", "size": 224}, "crop", 224, 256),
    "PoolFormer": (
        DONE | CROPPED | {"feature_extractor_type": "PoolFormerFeatureExtractor", "crop_pct": 0.95, "size": 224},
        "crop",
        224,
        235,
    ),
    "CLIP": (
        DONE
        | {"image_processor_type": "CLIPImageProcessorFast", "do_center_crop": True, "size": 224, "crop_size": 224},
        "crop",
        224,
        224,
    ),
    "EfficientNet": (VIT | EFFICIENT | {"resample": 0, "do_center_crop": False, "crop_size": 289}, "squash", 224, 224),
}
"""A file, and what it means: the resize, the size, and the size before the middle is taken."""


@pytest.mark.parametrize(("config", "resize", "size", "resized"), COMMON.values(), ids=COMMON)
def test_common_networks(config: dict[str, Any], resize: str, size: int, resized: int, tmp_path: Path) -> None:
    """And a picture is what their steps make of it, with Pillow."""
    found = taken(tmp_path, config)
    assert (found.size, found.arguments["resize"]) == ((size, size), resize)
    assert found.arguments["fraction"] == size / resized
    for photograph in photographs():
        width, height = photograph.size
        scale = resized / min(width, height)
        shape = (resized, resized) if resize == "squash" else (int(width * scale + 1e-6), int(height * scale + 1e-6))
        whole = photograph.resize(shape, Image.Resampling(config["resample"]))
        left, top = (round((side - size) / 2) for side in shape)
        theirs = whole.crop((left, top, left + size, top + size))
        assert apart(pixels_of(photograph, input_of(found)), theirs) <= 1


@pytest.mark.parametrize(
    ("said", "mean", "std"),
    [
        ({}, 0.5, 0.5),
        ({"do_normalize": False}, 0.0, 1.0),
        ({"do_rescale": False, "image_mean": [127.5] * 3, "image_std": 127.5}, 0.5, 0.5),
        ({"rescale_factor": 1 / 127.5}, 0.25, 0.25),
        ({"do_rescale": False, "do_normalize": False}, 0.0, 1 / 255),
        (EFFICIENT, 0.5, 0.25),
        (EFFICIENT | {"include_top": False, "rescale_offset": True, "rescale_factor": 1 / 127.5}, 0.75, 0.25),
    ],
)
def test_what_is_done_to_values_is_a_mean_and_a_std(
    said: dict[str, Any], mean: float, std: float, tmp_path: Path
) -> None:
    """(x * factor - offset - mean) / std, of values from 0 to 1."""
    found = taken(tmp_path, VIT | said)
    assert found.arguments["mean"] == pytest.approx((mean,) * 3)
    assert found.arguments["std"] == pytest.approx((std,) * 3)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"do_resize": False}, "do_resize: false leaves each picture its own size"),
        ({"do_pad": True}, "do_pad: true is nothing that a server does to pictures"),
        ({"size_divisor": 32}, "size_divisor: 32 is nothing"),
        ({"do_flip_channel_order": True}, "do_flip_channel_order: true is nothing"),
        ({"image_maen": HALF}, "image_maen: .*; did you mean image_mean"),
        ({"image_mean": None}, "image_mean: is missing"),
        ({"image_std": [0.5, 0, 0.5]}, "image_std: .* must be above 0"),
        ({"resample": 9}, "resample: 9 is none of Pillow's: 0 nearest, 1 lanczos, 2 bilinear"),
        ({"size": {"longest_edge": 224}}, 'size: {"longest_edge": 224} is not understood'),
        ({"size": {"shortest_edge": 224, "longest_edge": 300}}, "size: .* is not understood"),
        ({"size": {"shortest_edge": 256}}, "do_center_crop: without it a picture keeps its own ratio"),
        ({"do_center_crop": True, "crop_size": {"height": 256, "width": 256}}, "crop_size: 256 x 256 is no middle of"),
        (
            {"image_processor_type": "OwlViTImageProcessor"},
            "image_processor_type: OwlViTImageProcessor is none of those",
        ),
        ({"image_processor_type": None, "size": 224}, "size: 224 is either the shorter side or both; write"),
        ({"image_processor_type": None, "crop_size": 224}, "do_center_crop: is missing"),
        ({"include_top": True}, "include_top: is of EfficientNet's processor"),
        ({"crop_pct": 0.9}, "crop_pct: is of ConvNext's and PoolFormer's"),
        ({"do_normalize": "yes"}, 'do_normalize: "yes" is neither true nor false'),
        ({"rescale_factor": -1}, "rescale_factor: -1 is no number above 0"),
    ],
)
def test_what_the_contract_cannot_do_is_refused_by_its_key(said: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"--preprocess: .*preprocessor_config.json: {words}"):
        taken(tmp_path, VIT | said)


def test_a_file_that_names_no_processor_may_say_all_itself(tmp_path: Path) -> None:
    found = taken(tmp_path, VIT | CROPPED | {"image_processor_type": None, "size": {"shortest_edge": 230}})
    assert (found.size, found.arguments["fraction"]) == ((224, 224), 224 / 230)


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"hidden_size": 8}')
    with pytest.raises(UserError, match=r"other\.json is no preprocessor_config\.json"):
        huggingface_file(tmp_path / "other.json")
    with pytest.raises(UserError, match=r"preprocessor_config\.json .No such file"):
        huggingface_file(tmp_path)


@pytest.mark.parametrize("name", ["ViT", "BiT", "DeiT", "CLIP", "ResNet", "ConvNeXT 384", "LeViT"])
def test_it_is_what_transformers_does(name: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    found = taken(tmp_path, COMMON[name][0])
    processor = transformers.AutoImageProcessor.from_pretrained(str(tmp_path), backend="pil")
    for photograph in photographs():
        # Where an odd number of pixels is cut off, theirs may be the middle beside torchvision's and timm's.
        even = photograph.crop((0, 0, 640, 400) if photograph.width == 640 else (0, 0, 375, 600))
        theirs = processor(even, do_rescale=False, do_normalize=False, return_tensors="pt")["pixel_values"][0]
        assert apart(pixels_of(even, input_of(found)), theirs) <= 1


def test_a_detectors_pictures_keep_sizes_of_their_own(tmp_path: Path) -> None:
    detr = {
        "image_processor_type": "DetrImageProcessor",
        "size": {"shortest_edge": 800, "longest_edge": 1333},
        "resample": 2,
    }
    detr |= {"do_pad": True, "format": "coco_detection", "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(detr))
    taken = huggingface_file(tmp_path)
    assert (taken.size, taken.arguments) == (
        None,
        {"interpolation": "bilinear", "mean": (0.5,) * 3, "std": (0.25,) * 3},
    )
    words = r"--resize: is missing; .* \(resizes the shorter side to 800, but the longer to 1333 at most"
    with pytest.raises(UserError, match=words):
        taken.beside({})
    rt = {"image_processor_type": "RTDetrImageProcessor", "size": {"height": 640, "width": 640}, "do_normalize": False}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(rt | {"resample": 2, "do_pad": False}))
    squashed = huggingface_file(tmp_path)
    assert (squashed.size, squashed.arguments["resize"], squashed.arguments["std"]) == (
        (640, 640),
        "squash",
        (1.0,) * 3,
    )
