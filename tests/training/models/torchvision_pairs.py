"""Torchvision's detectors beside ours: one of each kind with the same weights, on small backbones and pictures."""

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnxruntime
import torch
from torch import nn
from torchvision.models import detection, mobilenet_v3_small
from torchvision.models.detection import faster_rcnn, fcos, retinanet, ssdlite
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.models.resnet import BasicBlock, ResNet

from torchferry.contract.tasks.boxes import pairs
from torchferry.contract.tasks.detection import Detection
from torchferry.training.models.faster_rcnn import FasterRCNN
from torchferry.training.models.torchvision_detector import TorchvisionDetector
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import Served

LABELS = ("a", "b", "c")
SIZE = (64, 96)
REGIONS = 30
MOST = 1000
"""Candidates: more than there are."""


def small_resnet(norm_layer: Any, **_: Any) -> nn.Module:
    return ResNet(BasicBlock, [1, 1, 1, 1], norm_layer=norm_layer)


def pair(name: str) -> tuple[nn.Module, nn.Module]:
    """Ours, and torchvision's, which leaves out nothing yet. Their scores differ from picture to picture."""
    torch.manual_seed(0)
    is_rcnn = name.startswith("fasterrcnn")
    options: dict[str, Any] = {"weights": None, "weights_backbone": None}
    options["num_classes"] = len(LABELS) + (is_rcnn or name.startswith("ssd"))
    if is_rcnn:
        options |= {f"rpn_{when}_nms_top_n_test": REGIONS for when in ("pre", "post")}
    resnets = [patch.object(each, "resnet50", small_resnet) for each in (faster_rcnn, fcos, retinanet)]
    with resnets[0], resnets[1], resnets[2], patch.object(ssdlite, "mobilenet_v3_large", mobilenet_v3_small):
        kind, more = (FasterRCNN, {"regions": REGIONS}) if is_rcnn else (TorchvisionDetector, {})
        ours = kind(name, len(LABELS), *SIZE, frozen_norm=False, **more)
        theirs = getattr(detection, name)(**options)
    theirs.transform = GeneralizedRCNNTransform(min(SIZE), max(SIZE), [0.0] * 3, [1.0] * 3, size_divisible=1)
    _tell_pictures_apart(ours)
    theirs.load_state_dict(ours.state_dict())
    return ours.eval(), theirs.eval()


@torch.no_grad()
def _tell_pictures_apart(network: nn.Module) -> None:
    """Fresh weights give all nearly the same scores."""
    for name, weight in network.named_parameters():
        if any(part in name for part in ("cls_logits", "classification_head.module_list", "cls_score", "bbox_ctrness")):
            nn.init.normal_(weight, std=0.1 if weight.dim() > 1 else 1.0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()(torch.rand(8, 3, *SIZE))


def pictures() -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.rand(3, 3, *SIZE, generator=random) * torch.tensor([1.0, 2.0, 0.1])[:, None, None, None]


@torch.no_grad()
def served(ours: nn.Module) -> tuple[Served, Detection]:
    """With a threshold that leaves one of `pictures` without objects, and some in the others."""
    best = ours(pictures())["logits"].sigmoid().flatten(1).sort(dim=1, descending=True).values
    barren, *others = best[:, 0].sort().values.tolist()
    threshold = (barren + min(others)) / 2
    task = Detection(labels=LABELS, max_detections=100, candidates=MOST, score_threshold=threshold)
    return Served(ours, half_of(task)).eval(), task


@torch.no_grad()
def of_torchvision(theirs: nn.Module, task: Detection) -> list[dict[str, np.ndarray]]:
    """Its own objects in `pictures`, with our labels."""
    judge: Any = getattr(theirs, "roi_heads", theirs)
    judge.score_thresh, judge.nms_thresh, judge.topk_candidates = task.score_threshold, task.iou_threshold, MOST
    judge.detections_per_img = task.max_detections
    first = int(hasattr(theirs, "roi_heads") or isinstance(theirs, ssdlite.SSD))  # theirs count the background
    found = [{name: values.numpy() for name, values in each.items()} for each in theirs(list(pictures()))]
    return [each | {"labels": each["labels"] - first} for each in found]


def onnx_session(served: nn.Module, folder: Path) -> onnxruntime.InferenceSession:
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(served, (pictures()[:2],), dynamic_shapes=(({0: batch},),))
    with redirect_stdout(io.StringIO()):
        made = torch.onnx.export(program, dynamo=True, verbose=False)
    assert made is not None
    made.save(folder / "model.onnx")
    return onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])


def check_same_objects(found: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> None:
    """As sets: near ties may change places."""
    assert len(found["labels"]) == len(wanted["labels"])
    same = pairs(found["boxes"], found["labels"], wanted["boxes"], wanted["labels"])
    assert len(same) == len(wanted["labels"])
    assert np.allclose(found["boxes"][same[:, 0]], wanted["boxes"][same[:, 1]], atol=0.05)
    assert np.allclose(found["scores"][same[:, 0]], wanted["scores"][same[:, 1]], atol=1e-4)


def check_onnx(name: str, folder: Path) -> None:
    """ONNX Runtime's objects are those of torchvision's own postprocessing, in batches of 1, 2 and 3."""
    ours, theirs = pair(name)
    whole, task = served(ours)
    wanted = of_torchvision(theirs, task)
    assert min(len(each["labels"]) for each in wanted) == 0 < max(len(each["labels"]) for each in wanted)
    session = onnx_session(whole, folder)
    for count in (1, 2, 3):
        given = session.run(None, {session.get_inputs()[0].name: pictures()[-count:].numpy()})
        answers = dict(zip(task.outputs, given, strict=True))
        for place, expected in enumerate(wanted[-count:]):
            there = answers["count"][place]
            check_same_objects(
                {each: values[place, :there] for each, values in answers.items() if each != "count"}, expected
            )
