"""Folders of transformers, from export to answers that are transformers' own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.serving.export.external.huggingface.folders import VIT, loaded, saved
from torchferry.contract.image import decode_image
from torchferry.contract.tasks import name_of
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.export.export_command import main, parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.reference import Reference
from torchferry.serving.session import open_variant

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
pytestmark = pytest.mark.slow
WORDS = ("--input", "input_ids=tensor:INT64:16", "--input", "attention_mask=tensor:INT64:16")
HALF = ("--normalize", "half")


def export(folder: Path, *options: object) -> bundles.Bundle:
    output = folder.parent / f"{folder.name}-bundle"
    main([str(folder), *map(str, options), "--variants", "onnx-fp32", "--output", str(output)])
    return bundles.load(output)


def reference(folder: Path, *options: str) -> Reference:
    return load_given(parser().parse_args(["--model", str(folder), *options]))


def answered(bundle: bundles.Bundle, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return open_variant(bundle, "onnx-fp32", threads=1).run(inputs)


def pixels(height: int, width: int, samples: int = 3) -> tuple[np.ndarray, torch.Tensor]:
    """As a server sends them, and as the network takes them."""
    sent = np.random.default_rng(0).integers(0, 256, (samples, 3, height, width), dtype=np.uint8)
    return sent, torch.from_numpy(sent) / 127.5 - 1


def test_a_photograph_is_answered_as_transformers_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = saved(tmp_path / "vit-tiny", "ViTForImageClassification", VIT)
    bundle = export(folder)
    said = capsys.readouterr().out
    assert "preprocessor_config.json prepares them: squashed to 32 x 32, bilinear; mean 0.5 0.5 0.5" in said
    assert "task: classification, as its architecture says" in said
    assert "labels: 3 from its config.json" in said
    assert "no --weights" not in said
    assert (bundle.name, bundle.labels) == ("vit-tiny", ("cat", "dog", "bird"))
    assert (bundle.provenance["model"], bundle.provenance["weights"]) == ("vit-tiny", "model.safetensors")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    assert bundle.inputs[0].image is not None
    picture = decode_image((tmp_path / "a.png").read_bytes(), bundle.inputs[0].image)
    found = answered(bundle, {"image": picture[None]})["probabilities"]
    processor = transformers.AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    with torch.no_grad():
        given = processor(Image.open(tmp_path / "a.png"), return_tensors="pt")
        logits = loaded(folder, "ViTForImageClassification")(**given).logits
    np.testing.assert_allclose(found, logits.softmax(dim=1), atol=1e-3)


def test_masks_are_transformers_own(tmp_path: Path) -> None:
    folder = saved(tmp_path / "net", "SegformerForSemanticSegmentation")
    bundle = export(folder, "--input", "image:48x64", *HALF)
    sent, given = pixels(48, 64)
    with torch.no_grad():
        outputs = loaded(folder, "SegformerForSemanticSegmentation")(given)
    theirs = transformers.SegformerImageProcessor().post_process_semantic_segmentation(outputs, [(48, 64)] * 3)
    ours = answered(bundle, {"image": sent})["classes"]
    assert (ours == torch.stack(theirs).numpy()).mean() > 0.999


@pytest.mark.parametrize(
    ("architecture", "size"),
    [
        ("YolosForObjectDetection", (32, 48)),
        ("DetrForObjectDetection", (64, 96)),
        ("ConditionalDetrForObjectDetection", (64, 96)),
    ],
)
def test_boxes_are_transformers_own(tmp_path: Path, architecture: str, size: tuple[int, int]) -> None:
    """Of a softmax with a class for no object, and of a sigmoid for each label."""
    folder = saved(tmp_path / "net", architecture)
    sent, given = pixels(*size)
    ours = reference(folder, "--input", "image:{}x{}".format(*size), *HALF).run({"image": sent})
    with torch.no_grad():
        outputs = loaded(folder, architecture)(given)
    processor = getattr(transformers, architecture.replace("ForObjectDetection", "ImageProcessor"))()
    theirs = processor.post_process_object_detection(outputs, threshold=0.05, target_sizes=[size] * 3)
    for place, each in enumerate(theirs):
        order = each["scores"].argsort(descending=True)
        count = int(ours["count"][place])
        assert count == len(order) > 0
        np.testing.assert_allclose(ours["scores"][place][:count], each["scores"][order], atol=1e-5)
        assert ours["labels"][place][:count].tolist() == each["labels"][order].tolist()
        np.testing.assert_allclose(ours["boxes"][place][:count], each["boxes"][order], atol=1e-2)


def test_a_detector_answers_after_its_export(tmp_path: Path) -> None:
    folder = saved(tmp_path / "net", "YolosForObjectDetection")
    sent, _ = pixels(32, 48)
    expected = reference(folder, *HALF).run({"image": sent})
    found = answered(export(folder, *HALF), {"image": sent})
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-3)


def test_words_are_classified(tmp_path: Path) -> None:
    architecture = "BertForSequenceClassification"
    folder = saved(tmp_path / "net", architecture)
    bundle = export(folder, *WORDS)
    ids, mask = np.arange(48).reshape(3, 16), np.ones((3, 16), np.int64)
    mask[1, 9:] = 0
    with torch.no_grad():
        logits = loaded(folder, architecture)(torch.from_numpy(ids), torch.from_numpy(mask)).logits
    found = answered(bundle, {"input_ids": ids, "attention_mask": mask})["probabilities"]
    np.testing.assert_allclose(found, logits.softmax(dim=1), atol=1e-5)


def test_a_projection_is_an_embedding(tmp_path: Path) -> None:
    folder = saved(tmp_path / "net", "CLIPVisionModelWithProjection")
    bundle = export(folder, *HALF)
    sent, given = pixels(32, 32)
    with torch.no_grad():
        vector = loaded(folder, "CLIPVisionModelWithProjection")(given).image_embeds
    assert name_of(type(bundle.task)) == "embedding"
    np.testing.assert_allclose(
        answered(bundle, {"image": sent})["vector"], vector / vector.norm(dim=1)[:, None], atol=1e-4
    )


@pytest.mark.parametrize(
    ("architecture", "options", "task"),
    [
        ("ResNetForImageClassification", ("--input", "image:32"), "classification"),
        ("ConvNextForImageClassification", ("--input", "image:64"), "classification"),
        ("MobileNetV2ForImageClassification", (), "classification"),
        ("DeiTForImageClassificationWithTeacher", (), "classification"),
        ("SwinForImageClassification", (), "classification"),
        ("Wav2Vec2ForSequenceClassification", ("--input", "tensor:FP32:400"), "classification"),
        ("DistilBertForSequenceClassification", WORDS, "classification"),
    ],
)
def test_other_architectures_are_taken(tmp_path: Path, architecture: str, options: Any, task: str) -> None:
    found = reference(saved(tmp_path / "net", architecture), *options)
    assert name_of(type(found.task)) == task
    assert found.task.labels == ("cat", "dog", "bird")


def test_named_outputs_are_served_and_one_may_be_the_vector(tmp_path: Path) -> None:
    folder = saved(tmp_path / "net", "BertModel")
    assert [each.name for each in reference(folder, *WORDS).outputs] == ["last_hidden_state", "pooler_output"]
    vector = reference(folder, *WORDS, "--task", "embedding", "--outputs", "pooler_output")
    assert [each.shape for each in vector.outputs] == [(-1, 16)]
    with pytest.raises(UserError, match="--outputs: there is no output 'pooled_output'; did you mean pooler_output"):
        reference(folder, *WORDS, "--outputs", "pooled_output")
    caches = reference(saved(tmp_path / "gpt2", "GPT2LMHeadModel"), "--input", "input_ids=tensor:INT64:16")
    assert [each.name for each in caches.outputs] == ["logits"]
