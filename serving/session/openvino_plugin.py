"""OpenVINO as a provider of ONNX Runtime's: a library of its own, which the package onnxruntime-ep-openvino brings."""

import functools
import importlib
import json
from collections.abc import Callable
from typing import Any

import onnxruntime

from torchferry.errors import UserError

PROVIDER = "OpenVINOExecutionProvider"
PACKAGE = "onnxruntime-ep-openvino"


def provider(threads: int) -> Callable[[onnxruntime.SessionOptions], None]:
    """Adds it to the options of a session. No arithmetic but what the graph says: left alone, OpenVINO takes bfloat16
    where the processor has it. Raises UserError as `processors` does."""
    found = processors()
    asked = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(threads), "NUM_STREAMS": "1"}
    return lambda options: options.add_provider_for_devices(found, {"load_config": json.dumps({"CPU": asked})})


def processors() -> list[Any]:
    """Those that it computes on. Raises UserError where the package is missing or finds none: ONNX Runtime, told the
    provider's name, would compute on its own and say nothing."""
    _register()
    found = [each for each in onnxruntime.get_ep_devices() if each.ep_name == PROVIDER]
    here = [each for each in found if each.device.type == onnxruntime.OrtHardwareDeviceType.CPU]
    if not here:
        raise UserError(f"--provider: openvino was asked for, and {PACKAGE} finds no processor of Intel's here; cpu "
                        "computes on any, and so does the variant openvino-fp32")  # fmt: skip
    return here


@functools.cache
def _register() -> None:
    """Once for a process."""
    try:
        plugin = importlib.import_module(PACKAGE.replace("-", "_"))
    except ImportError as error:
        raise UserError(f"--provider: openvino needs {PACKAGE}; pip install {PACKAGE}") from error
    try:
        onnxruntime.register_execution_provider_library(PROVIDER, plugin.get_library_path())
    except Exception as error:  # of another version, or without a library that it needs
        raise UserError(f"--provider: onnxruntime {onnxruntime.__version__} cannot load {PACKAGE}; install releases of "
                        "the two that go together") from error  # fmt: skip
