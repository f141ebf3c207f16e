"""Devices and their peaks: by the whole name, because another card of nearly that name has another peak."""

import pytest
import torch

from tests.benchmarks.gpu.given import devices
from torchferry.benchmarks.gpu.devices import cpu, found, peak_of


@pytest.mark.parametrize(
    ("name", "tflops"),
    [
        ("NVIDIA H100 80GB HBM3", 989.5),
        ("NVIDIA H100 PCIe", 756.0),
        ("NVIDIA H100 NVL", 835.5),
        ("NVIDIA H200", 989.5),
        ("NVIDIA H200 NVL", 835.5),
        ("NVIDIA GH200 480GB", 989.5),
        ("NVIDIA A100-SXM4-80GB", 312.0),
        ("NVIDIA A100 80GB PCIe", 312.0),
        ("NVIDIA L40S", 362.0),
    ],
)
def test_a_peak_is_found_by_the_name_that_the_driver_gives(name: str, tflops: float) -> None:
    peak = peak_of(name)
    assert peak is not None
    assert peak.tflops == tflops
    assert "datasheet" in peak.source


@pytest.mark.parametrize("name", ["NVIDIA H20", "NVIDIA H100", "NVIDIA L40", "NVIDIA A1000", "AMD Instinct MI300X", ""])
def test_a_card_that_nobody_looked_up_has_none(name: str) -> None:
    assert peak_of(name) is None


def test_as_many_processes_as_devices_and_one_on_a_cpu() -> None:
    assert devices("NVIDIA H200", "NVIDIA H200").count == 2
    assert cpu().count == 1


def test_what_torch_finds_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"card {number}")
    assert (found().kind, found().names) == ("cuda", ("card 0", "card 1"))
