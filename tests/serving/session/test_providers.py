"""What is tried for a provider that was asked for, and what keeps one from computing."""

import onnxruntime
import pytest

from torchferry.serving.session.onnx_session import CPU
from torchferry.serving.session.providers import CUDA, TENSORRT, gpus_offered, session_arguments, why_not


@pytest.mark.parametrize(
    ("asked", "tried"),
    [("auto", [CUDA, CPU]), ("cpu", [CPU]), ("cuda", [CUDA, CPU]), ("tensorrt", [TENSORRT, CUDA, CPU])],
)
def test_those_are_tried_that_are_there(asked: str, tried: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
    assert [name for name, _ in session_arguments(asked, 1)["providers"]] == tried
    assert list(gpus_offered()) == ["cuda", "tensorrt"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["AzureExecutionProvider", CPU])
    assert [name for name, _ in session_arguments(asked, 1)["providers"]] == [CPU]
    assert list(gpus_offered()) == []


def test_a_reason_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not("cuda", "openvino") == f"openvino has no {CUDA}"
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    assert why_not("cuda").startswith(f"{CUDA} could not start")
    assert why_not("tensorrt") == f"this onnxruntime has no {TENSORRT}; onnxruntime-gpu has"
