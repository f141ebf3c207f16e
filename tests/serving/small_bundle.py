"""A bundle made by hand, of which a test says only what it is about."""

from pathlib import Path
from typing import Any

from serving.bundle import Bundle, TensorSpec

VARIANT: dict[str, Any] = {
    "status": "accepted",
    "reason": None,
    "note": None,
    "file": "variants/torch/model.pt2",
    "bytes": 4,
    "measured": {
        "samples": 10,
        "max_abs_diff": 0.001,
        "mean_abs_diff": 0.0001,
        "relative_error": 0.0002,
        "top1_agreement": 1.0,
        "accuracy": 0.9,
        "accuracy_drop": 0.0,
    },
    "speed": {"load_seconds": 0.1, "batch_1_ms": 1.0, "batch_8_ms": 2.0, "threads": 1},
    "limits": {"max_abs_diff": 0.01},
    "golden_tolerance": 0.01,
}
"""As model.json has it."""


def small_bundle(root: Path = Path("small"), **change: Any) -> Bundle:
    """Takes `row` of [batch, 3] and answers no or yes, with what is changed of its fields."""
    fields: dict[str, Any] = {
        "name": "small",
        "version": "1.0",
        "task": "classification",
        "inputs": (TensorSpec(name="row", datatype="FP32", shape=(-1, 3)),),
        "outputs": (TensorSpec(name="probabilities", datatype="FP32", shape=(-1, 2)),),
        "decode": None,
        "labels": ("no", "yes"),
        "reference": {},
        "variants": {},
        "skipped": {},
        "provenance": {},
        "files": {},
    }
    return Bundle(root=root, **fields | change)
