"""OpenVINO's provider computes where it finds a processor, and is refused where it does not."""

import json
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import onnxruntime
import pytest

from torchferry.errors import UserError
from torchferry.serving.session import openvino_plugin

CPU, GPU = onnxruntime.OrtHardwareDeviceType.CPU, onnxruntime.OrtHardwareDeviceType.GPU


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    openvino_plugin._register.cache_clear()
    yield
    openvino_plugin._register.cache_clear()


def installed(monkeypatch: pytest.MonkeyPatch, library: str = "lib.so") -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime_ep_openvino", SimpleNamespace(get_library_path=lambda: library))


def finds(monkeypatch: pytest.MonkeyPatch, *kinds: onnxruntime.OrtHardwareDeviceType) -> None:
    own = [SimpleNamespace(ep_name=openvino_plugin.PROVIDER, device=SimpleNamespace(type=kind)) for kind in kinds]
    others = onnxruntime.get_ep_devices()
    monkeypatch.setattr(onnxruntime, "get_ep_devices", lambda: [*others, *own])
    monkeypatch.setattr(onnxruntime, "register_execution_provider_library", lambda *_: None)


def test_where_the_package_is_missing_it_is_named() -> None:
    with pytest.raises(UserError, match=r"needs onnxruntime-ep-openvino; pip install onnxruntime-ep-openvino$"):
        openvino_plugin.processors()


def test_a_library_that_cannot_be_loaded_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "/nowhere/lib.so")
    with pytest.raises(UserError, match=r"^--provider: onnxruntime [\d.]+ cannot load onnxruntime-ep-openvino; .*$"):
        openvino_plugin.processors()


@pytest.mark.parametrize("kinds", [(), (GPU,)])
def test_where_it_finds_no_processor_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, kinds: tuple[onnxruntime.OrtHardwareDeviceType, ...]
) -> None:
    """As on a machine of AMD's, where ONNX Runtime has a device of its own."""
    installed(monkeypatch)
    finds(monkeypatch, *kinds)
    with pytest.raises(UserError, match="finds no processor of Intel's here; cpu computes on any, and so does the v"):
        openvino_plugin.processors()


def test_processors_alone_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    finds(monkeypatch, GPU, CPU)
    assert [each.device.type for each in openvino_plugin.processors()] == [CPU]


def test_it_is_added_to_a_session_with_its_threads_and_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    finds(monkeypatch, CPU)
    given: list[tuple[list[SimpleNamespace], dict[str, str]]] = []
    options = SimpleNamespace(add_provider_for_devices=lambda *said: given.append(said))
    openvino_plugin.provider(3)(options)
    [([processor], said)] = given
    assert processor.ep_name == openvino_plugin.PROVIDER
    asked = json.loads(said["load_config"])["CPU"]
    assert (asked["INFERENCE_NUM_THREADS"], asked["INFERENCE_PRECISION_HINT"]) == ("3", "f32")
