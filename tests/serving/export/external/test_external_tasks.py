"""Models of others are judged by the task that they are said to have."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.serving.export.external.linear import linear
from torchferry.contract.tasks.multilabel import Multilabel
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.codec.predictions_json import Request, answer
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.export_command import main, parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.reference import Reference
from torchferry.serving.session import open_variant

NETWORKS = "tests.serving.networks"


SCENES = "{name: digit_scenes, args: {train_scenes: 4, test_scenes: 3}}"


def several_labels(folder: Path, *options: str) -> list[str]:
    """A network of three logits, of which each is its column's; a label is true where that is above 0.3."""
    rows = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    np.savez(folder / "rows.npz", row=rows, targets=rows[:, :3] > 0.3)
    weights = {"weight": 8 * torch.eye(3, 8), "bias": torch.full((3,), -2.4)}
    save_file(weights, folder / "weights.safetensors")
    (folder / "labels").write_text("cat\ndog\nbird\n")
    files = ["--weights", "weights.safetensors", "--labels", "labels", "--eval-data", "rows.npz"]
    named = [str(folder / each) if number % 2 else each for number, each in enumerate(files)]
    return [*linear(8, 3), *named, "--task", "multilabel", *options]


def test_several_labels_a_sample_are_measured_and_answered_in_words(tmp_path: Path) -> None:
    options = several_labels(tmp_path, "--task-args", '{"thresholds": [0.4, 0.5, 0.5]}')
    calibration = ("--calibration-data", str(tmp_path / "rows.npz"))
    limits = ("--max-drop", "0.05", "--min-agreement", "0.9")
    main([*options, *calibration, *limits, "--variants", "onnx-fp32,onnx-int8", "-o", str(tmp_path / "b")])
    bundle = bundles.load(tmp_path / "b")
    assert bundle.task == Multilabel(labels=("cat", "dog", "bird"), thresholds=(0.4, 0.5, 0.5))
    assert (bundle.reference["metric"], bundle.accepted) == ("micro_f1", ["onnx-fp32", "onnx-int8"])
    int8 = bundle.variants["onnx-int8"]
    assert (int8.limits["max_drop"], int8.limits["min_agreement"]) == (0.05, 0.9)
    assert int8.measured.score_drop_interval is not None
    assert isinstance(int8.measured.score_drop_interval, tuple)
    row = np.array([[0.3, 0.25, 0.9, *[0.0] * 5]], np.float32)
    answered = open_variant(bundle, "onnx-fp32", threads=1).run({"row": row})
    (said,) = json.loads(answer(Request({"row": row}, "predictions"), answered, bundle, "net", 5))["predictions"]
    assert said["labels"] == ["bird", "cat"]
    assert said["probabilities"] == pytest.approx({"cat": 0.5, "dog": 0.401, "bird": 0.992}, abs=1e-3)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"thresholds": 1.4}, "--task-args.thresholds: 1.4 is no threshold; give numbers from 0 to 1"),
        ({"thresholds": [0.1, 0.2]}, "--task-args.thresholds: has 2 numbers; one for each of 3 labels is expected"),
        ({"threshold": 0.1}, "--task-args.threshold: unknown setting of multilabel; did you mean thresholds?"),
        ({"thresholds": "tuned"}, "--task-args.thresholds: 'tuned' is found in training; give what it came to"),
    ],
)
def test_settings_of_a_task_that_cannot_be_are_refused(tmp_path: Path, args: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(words)}"):
        load_given(parser().parse_args(several_labels(tmp_path, "--task-args", json.dumps(args))))


def masked(folder: Path, wrong: int | None = None) -> list[str]:
    """A network of three logits a pixel, and masks that say what it answers; one pixel says `wrong`."""
    random = np.random.default_rng(0)
    pixels, weight = random.normal(size=(8, 2, 5, 4)).astype(np.float32), random.normal(size=(3, 2, 1, 1))
    masks = np.einsum("lchw,nchw->nlhw", np.broadcast_to(weight, (3, 2, 5, 4)), pixels).argmax(axis=1).astype(np.uint8)
    masks[3, 2, 1] = masks[3, 2, 1] if wrong is None else wrong
    np.savez(folder / "masks.npz", input=pixels, targets=masks)
    save_file({"weight": torch.from_numpy(weight).float()}, folder / "weights.safetensors")
    (folder / "labels").write_text("sky\nroad\ntree\n")
    args = {"in_channels": 2, "out_channels": 3, "kernel_size": 1, "bias": False}
    options = ["--model", "torch.nn.Conv2d", "--model-args", json.dumps(args), "--input", "tensor:FP32:2x5x4"]
    files = ["--weights", "weights.safetensors", "--labels", "labels", "--eval-data", "masks.npz"]
    named = [str(folder / each) if number % 2 else each for number, each in enumerate(files)]
    return [*options, *named, "--task", "segmentation"]


def test_a_class_for_each_pixel_is_measured_by_masks(tmp_path: Path) -> None:
    main([*masked(tmp_path), "--variants", "onnx-fp32", "-o", str(tmp_path / "b")])
    bundle = bundles.load(tmp_path / "b")
    assert (bundle.labels, bundle.reference["metric"]) == (("sky", "road", "tree"), "miou")
    assert (bundle.reference["score"], bundle.accepted) == (1.0, ["onnx-fp32"])
    assert (bundle.outputs[0].datatype, bundle.outputs[0].shape) == ("UINT8", (-1, 5, 4))


def test_a_mask_that_cannot_be_is_said_with_its_sample(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--eval-data: 'targets' of sample 3 has a mask with 7; there are 3 labels"):
        load_given(parser().parse_args(masked(tmp_path, wrong=7)))


def test_a_run_has_its_own_task(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--task: is for --model; a run has the task that it was trained for"):
        main([str(tmp_path), "--task", "multilabel"])


def judged(model: str, words: str, task: str, source: str, *more: str) -> Reference:
    options = ["--model", model, "--input", words, "--normalize", "none", "--task", task, "--source", source, *more]
    return load_given(parser().parse_args(options))


@pytest.mark.parametrize(
    ("model", "words", "task", "source", "more", "outputs"),
    [
        ("Segmenter", "image:L:64", "segmentation", SCENES, (), {"classes": (64, 64)}),
        ("Candidates", "image:L:64", "detection", SCENES, ("--task-args", '{"max_detections": 5}'),
         {"boxes": (5, 4), "labels": (5,), "scores": (5,), "count": ()}),
        ("DigitAndInk", "image:L:8", "heads", "digits",
         ("--task-args", '{"heads": {"ink": {"name": "regression"}, "digit": {"name": "classification"}}}'),
         {"digit": (10,), "ink": (1,)}),
    ],
)  # fmt: skip
def test_a_network_of_any_task_is_judged_on_a_source(
    model: str, words: str, task: str, source: str, more: tuple[str, ...], outputs: dict[str, tuple[int, ...]]
) -> None:
    reference = judged(f"{NETWORKS}.{model}", words, task, source, *more)
    assert {spec.name: spec.shape[1:] for spec in reference.outputs} == outputs
    found = Expected(reference)
    assert found.score is not None
    assert reference.calibration is not None
    assert not reference.test.random
    digits = [spec.labels for spec in reference.outputs if spec.name == "digit"]
    assert digits in ([], [tuple("0123456789")])


def test_torchvisions_segmentation_by_import_path_gives_a_class_for_each_pixel() -> None:
    model = "torchvision.models.segmentation.lraspp_mobilenet_v3_large"
    args = ("--model-args", '{"num_classes": 11, "weights_backbone": null}', "--task", "segmentation")
    reference = load_given(parser().parse_args(["--model", model, *args, "--input", "image:32"]))
    assert [(spec.name, spec.datatype, spec.shape) for spec in reference.outputs] == [
        ("classes", "UINT8", (-1, 32, 32))
    ]
    assert reference.task.labels == tuple(map(str, range(11)))


def test_torchvisions_detectors_by_import_path_are_told_their_name_here() -> None:
    args = ("--model", f"{NETWORKS}.lists_of_boxes", "--task", "detection", "--input", "image:8")
    with pytest.raises(UserError, match=r"^--task detection: .* gives a list .* say the name torchvision_detector"):
        load_given(parser().parse_args([*args]))


def test_a_mask_of_another_size_than_the_networks_is_refused() -> None:
    with pytest.raises(UserError, match="sample 0 has a mask of 64 x 64; the model gives classes for 16 x 16: resize"):
        judged(f"{NETWORKS}.quarter", "image:L:64", "segmentation", SCENES)


def test_settings_beside_the_name_of_a_task_are_refused() -> None:
    with pytest.raises(UserError, match=r"^--task: is a name, such as segmentation; the task's settings go to"):
        judged(f"{NETWORKS}.Segmenter", "image:L:64", '{"name": "segmentation"}', SCENES)
