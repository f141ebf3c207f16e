from pathlib import Path

import pytest
import torch
from torchvision.models import detection
from torchvision.models.detection import transform

from tests.training.models.torchvision_pairs import check_onnx
from torchferry.training.models.torchvision_detector import NAMES, TorchvisionDetector

LABELS = ("a", "b", "c")
QUICK = ("ssdlite320_mobilenet_v3_large", "retinanet_resnet50_fpn", "fcos_resnet50_fpn")
"""One of each kind."""
SLOW = ("ssdlite320_mobilenet_v3_large", "retinanet_resnet50_fpn")
"""Whose export takes longer than continuous integration is worth."""
SIZE = {"ssdlite320_mobilenet_v3_large": (320, 320)}


def pair(name: str) -> tuple[TorchvisionDetector, torch.nn.Module, tuple[int, int]]:
    """Ours and torchvision's with the same weights, which torchvision's takes under its own names."""
    torch.manual_seed(0)
    size = SIZE.get(name, (96, 128))
    ours = TorchvisionDetector(name, len(LABELS), *size, frozen_norm=False)
    theirs = getattr(detection, name)(
        weights=None,
        weights_backbone=None,
        num_classes=len(LABELS) + (NAMES[name] == "ssd"),
        score_thresh=-1.0,
        nms_thresh=2.0,
        topk_candidates=10**6,
        detections_per_img=10**6,
    )  # of which nothing is left out
    theirs.transform = transform.GeneralizedRCNNTransform(min(size), max(size), [0.0] * 3, [1.0] * 3, size_divisible=1)
    for weight in (p for n, p in ours.named_parameters() if "cls_logits" in n and p.dim() == 1):
        torch.nn.init.normal_(weight)  # so that scores differ
    theirs.load_state_dict(ours.state_dict())
    return ours.eval(), theirs.eval(), size


@pytest.mark.parametrize("name", QUICK)
@torch.no_grad()
def test_candidates_are_torchvisions(name: str) -> None:
    ours, theirs, size = pair(name)
    pictures = torch.rand(2, 3, *size)
    given = ours(pictures)
    for place, expected in enumerate(theirs(list(pictures))):
        scores = given["logits"][place].sigmoid()
        assert len(expected["scores"]) == scores.numel()
        assert torch.allclose(scores.flatten().sort(descending=True).values, expected["scores"], atol=1e-5)
        for found in range(0, len(expected["scores"]), scores.numel() // 50):
            label = expected["labels"][found] - int(NAMES[name] == "ssd")
            same = (given["boxes"][place] - expected["boxes"][found]).abs().amax(dim=1) < 1e-2
            assert ((scores[:, label] - expected["scores"][found]).abs()[same] < 1e-5).any()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.sweep) if name in SLOW else name for name in QUICK]
)
def test_onnx_runtime_finds_torchvisions_objects(name: str, tmp_path: Path) -> None:
    check_onnx(name, tmp_path)


def test_norms_stay_as_the_weights_have_them_unless_told_otherwise() -> None:
    frozen, trained = (TorchvisionDetector("fcos_resnet50_fpn", 2, 64, 64, frozen_norm=each) for each in (True, False))
    buffers = {name for name, _ in trained.named_buffers() if "num_batches_tracked" not in name}
    assert buffers <= set(frozen.state_dict()) | {"anchors"}
    assert not [name for name, _ in frozen.named_parameters() if ".bn1." in name]
    assert [name for name, _ in trained.named_parameters() if ".bn1." in name]


def test_unknown_names_and_other_sizes_are_told() -> None:
    with pytest.raises(ValueError, match=r"none of ssdlite320_mobilenet_v3_large.*; that is model\.name faster_rcnn"):
        TorchvisionDetector("fasterrcnn_resnet50_fpn", 2)
    with pytest.raises(ValueError, match=r"pictures are \[64, 96\], and height and width \[64, 64\]"):
        TorchvisionDetector("fcos_resnet50_fpn", 2, 64, 64)(torch.rand(1, 3, 64, 96))


def test_nearly_all_candidates_begin_as_background() -> None:
    given = TorchvisionDetector("ssdlite320_mobilenet_v3_large", 2, 64, 64).eval()(torch.rand(1, 3, 64, 64))
    assert given["logits"].sigmoid().median() < 0.05
