from pathlib import Path

import pytest
import torch

from tests.training.models.torchvision_pairs import SIZE, check_onnx, pair
from torchferry.contract.tasks.detection import Detection
from torchferry.training.models.faster_rcnn import FasterRCNN
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
