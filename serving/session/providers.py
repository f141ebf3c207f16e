"""ONNX Runtime's execution providers: those that are tried for what was asked, and whether one computes."""

from collections.abc import Iterable
from typing import Any

import onnxruntime

from torchferry.serving.session import openvino_plugin
from torchferry.serving.session.onnx_session import CPU
from torchferry.serving.session.runtimes import ONNXRUNTIME, OPENVINO

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
GPUS = {"cuda": CUDA, "tensorrt": TENSORRT}
ASKED = {**GPUS, OPENVINO: openvino_plugin.PROVIDER}
"""Providers that compute where they were asked for, or nothing does."""
# Without TF32, or the answers would be further from the checkpoint's than the gate allows.
OPTIONS: dict[str, dict[str, Any]] = {CUDA: {"use_tf32": 0}, TENSORRT: {}, CPU: {}}
WANTED = {
    "auto": (CUDA, CPU),
    "cpu": (CPU,),
    "cuda": (CUDA, CPU),
    "tensorrt": (TENSORRT, CUDA, CPU),
    OPENVINO: (openvino_plugin.PROVIDER, CPU),
}
"""By what is asked for: ONNX Runtime's execution providers. A graph may have parts that only a later one takes."""


def session_arguments(provider: str, threads: int) -> dict[str, Any]:
    """Of an OnnxSession; `provider` is a key of WANTED. Raises UserError where OpenVINO's has no processor."""
    offered = onnxruntime.get_available_providers()
    return {
        "providers": [(name, OPTIONS[name]) for name in WANTED[provider] if name in offered and name in OPTIONS],
        "add_provider": openvino_plugin.provider(threads) if provider == OPENVINO else None,
    }


def gpus_offered() -> Iterable[str]:
    """By what is asked for, those that this ONNX Runtime was built with; the machine may have none."""
    offered = onnxruntime.get_available_providers()
    return [name for name, provider in GPUS.items() if provider in offered]


def why_not(provider: str, package: str = ONNXRUNTIME) -> str:
    """What keeps it from computing, for a session that was asked for it and computes elsewhere; a key of ASKED."""
    wanted = ASKED[provider]
    if package != ONNXRUNTIME:
        return f"{package} has no {wanted}"
    if provider in GPUS and provider not in gpus_offered():
        return f"this onnxruntime has no {wanted}; onnxruntime-gpu has"
    return f"{wanted} could not start, or takes no part of the graph"
