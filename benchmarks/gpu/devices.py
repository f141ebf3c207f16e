"""The GPUs of this machine, and the peak of those whose datasheet is known."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Devices:
    kind: str
    """cuda, or cpu where that was asked for."""
    names: tuple[str, ...]
    """Of each, as its driver says; of the CPU none."""
    torch: str
    cuda: str | None

    @property
    def count(self) -> int:
        """Processes that compute at once."""
        return max(1, len(self.names))


@dataclass(frozen=True)
class Peak:
    """The most that one device computes by its maker's datasheet, in dense bfloat16."""

    tflops: float
    source: str


# Each datasheet states the rate with sparsity as well, or only that, which is twice the dense one. Where a name is part
# of another, the longer one stands first.
PEAKS = {
    "NVIDIA GH200": Peak(989.5, "NVIDIA's datasheet of the GH200, without sparsity"),
    "NVIDIA H200 NVL": Peak(835.5, "NVIDIA's datasheet of the H200 NVL, without sparsity"),
    "NVIDIA H200": Peak(989.5, "NVIDIA's datasheet of the H200 SXM, without sparsity"),
    "NVIDIA H100 NVL": Peak(835.5, "NVIDIA's datasheet of the H100 NVL, without sparsity"),
    "NVIDIA H100 PCIe": Peak(756.0, "NVIDIA's datasheet of the H100 PCIe, without sparsity"),
    "NVIDIA H100 80GB HBM3": Peak(989.5, "NVIDIA's datasheet of the H100 SXM, without sparsity"),
    "NVIDIA A100": Peak(312.0, "NVIDIA's datasheet of the A100, without sparsity"),
    "NVIDIA L40S": Peak(362.0, "NVIDIA's datasheet of the L40S, without sparsity"),
}
"""By the beginning of the device's name."""


def found() -> Devices:
    return _devices("cuda", tuple(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())))


def cpu() -> Devices:
    return _devices("cpu", ())


def peak_of(name: str) -> Peak | None:
    def is_of(beginning: str) -> bool:
        return name == beginning or name.startswith((f"{beginning} ", f"{beginning}-"))

    return next((peak for beginning, peak in PEAKS.items() if is_of(beginning)), None)


def _devices(kind: str, names: tuple[str, ...]) -> Devices:
    return Devices(kind=kind, names=names, torch=str(torch.__version__), cuda=torch.version.cuda)
