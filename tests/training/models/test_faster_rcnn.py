from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor

from tests.training.models.torchvision_pairs import SIZE, check_onnx, pair
from torchferry.contract.tasks.detection import Detection
from torchferry.errors import UserError
from torchferry.training.config.recipe import WeightsConfig
from torchferry.training.models.faster_rcnn import FasterRCNN
from torchferry.training.models.weights import load_weights
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task_aligned import picture_losses

SMALLEST = "fasterrcnn_mobilenet_v3_large_320_fpn"


def test_onnx_runtime_finds_torchvisions_objects(tmp_path: Path) -> None:
    check_onnx("fasterrcnn_resnet50_fpn", tmp_path)


def test_what_only_fills_up_is_no_object_and_every_weight_is_learnt() -> None:
    ours, _ = pair("fasterrcnn_resnet50_fpn")
    assert isinstance(ours, FasterRCNN)
    scores, boxes = torch.zeros(2, len(ours.anchors)), torch.zeros(2, len(ours.anchors), 4)
    scores[0, 0], boxes[0, 0] = 0.9, torch.tensor([5.0, 5, 30, 40])  # the others are without area
    regions, is_region = ours._regions(scores, boxes)
    assert (is_region.sum(dim=1).tolist(), regions[0, 0].tolist()) == ([1, 0], [5, 5, 30, 40])

    given = ours.train()(torch.rand(2, 3, *SIZE))
    half = half_of(Detection(labels=("a", "b", "c")))
    half.check_outputs(given, 2)
    targets = {"boxes": torch.tensor([[[5.0, 5, 40, 40]], [[0, 0, 1, 1]]]), "labels": torch.tensor([[2], [-1]])}
    picture_losses(given, targets).mean().backward()
    assert not [name for name, weight in ours.named_parameters() if weight.grad is None]


def test_takes_torchvisions_weights_and_tells_another_number_of_classes(tmp_path: Path) -> None:
    ours, theirs = pair("fasterrcnn_resnet50_fpn")
    config = WeightsConfig(source=str(tmp_path / "theirs.pth"))
    torch.save(theirs.state_dict(), config.source)
    torch.nn.init.zeros_(ours.get_parameter("rpn.head.cls_logits.weight"))
    assert load_weights(ours, config) == ""
    assert all(torch.equal(values, theirs.state_dict()[name]) for name, values in ours.state_dict().items())

    ours.get_submodule("roi_heads").box_predictor = FastRCNNPredictor(1024, 3)
    with pytest.raises(UserError, match=r"its roi_heads\.box_predictor\.cls_score\.weight is \[4, 1024\], the model's"):
        load_weights(ours, config)
    said = load_weights(ours, replace(config, skip=["roi_heads.box_predictor"]))
    assert "left out roi_heads.box_predictor.cls_score.weight" in said


def test_grey_pictures_are_taken_as_colours() -> None:
    ours, _ = pair("fasterrcnn_resnet50_fpn")
    grey = torch.rand(1, 1, *SIZE)
    with torch.no_grad():
        assert torch.equal(ours(grey)["logits"], ours(grey.repeat(1, 3, 1, 1))["logits"])


def test_norms_stay_as_the_weights_have_them_unless_told_otherwise() -> None:
    frozen = FasterRCNN(SMALLEST, 2, 64, 64)
    assert not [module for module in frozen.modules() if isinstance(module, torch.nn.BatchNorm2d)]


def test_what_there_is_not_is_told() -> None:
    with pytest.raises(ValueError, match="name maskrcnn is none of fasterrcnn_resnet50_fpn"):
        FasterRCNN("maskrcnn", 2)
    with pytest.raises(ValueError, match="regions 0: at least 1 is looked at again"):
        FasterRCNN(SMALLEST, 2, regions=0)
