"""A reference and a bundle that are as small as they can be, made in memory."""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import TensorDataset

from serving.bundle import Bundle, TensorSpec
from serving.export.reference import Reference, Served
from serving.export.samples import Samples
from serving.variant import Measured, Speed, Variant

ROW = TensorSpec(name="row", datatype="FP32", shape=(-1, 3))
PROBABILITIES = TensorSpec(name="probabilities", datatype="FP32", shape=(-1, 2))
ROWS = torch.tensor([[1.0, 2, 3], [4, 5, 6], [0, 0, 9], [-1, 1, 0], [2, 2, 2], [0.5, 0, 7]])
CLASSES = torch.tensor([0, 1, 0, 0, 1, 0])


def small_reference(**change: Any) -> Reference:
    """Rows of three numbers, and which of two classes each is; nothing is trained."""
    torch.manual_seed(0)
    samples = Samples(TensorDataset(ROWS, CLASSES), ("row",))
    content: dict[str, Any] = {
        "name": "small",
        "task": "classification",
        "module": Served(nn.Linear(3, 2), "classification").eval(),
        "inputs": (ROW,),
        "outputs": (PROBABILITIES,),
        "decode": None,
        "labels": ("no", "yes"),
        "test": samples,
        "calibration": samples,
        "limits": {},
        "provenance": {"trained_with_torch": "2.0"},
    }
    return Reference(**content | change)


def small_variant(**change: Any) -> Variant:
    content: dict[str, Any] = {
        "status": "accepted",
        "reason": None,
        "note": None,
        "file": "variants/onnx-fp32/model.onnx",
        "bytes": 1000,
        "measured": Measured(
            samples=6,
            max_abs_diff=0.0,
            mean_abs_diff=0.0,
            relative_error=0.0,
            top1_agreement=1.0,
            accuracy=1.0,
            accuracy_drop=0.0,
        ),
        "speed": Speed(load_seconds=0.1, batch_1_ms=1.0, batch_8_ms=2.0, threads=1),
        "limits": {},
        "golden_tolerance": 1e-4,
    }
    return Variant(**content | change)


def small_bundle(**change: Any) -> Bundle:
    """Of the same model; its files are nowhere."""
    content: dict[str, Any] = {
        "root": Path("/nowhere"),
        "name": "small",
        "version": "1.0",
        "task": "classification",
        "inputs": (ROW,),
        "outputs": (PROBABILITIES,),
        "decode": None,
        "labels": ("no", "yes"),
        "reference": {"label_shares": [0.75, 0.25]},
        "variants": {"onnx-fp32": small_variant()},
        "skipped": {},
        "provenance": {},
        "files": {},
    }
    return Bundle(**content | change)
