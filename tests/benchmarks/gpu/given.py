"""A setting for tests of the parts: a CPU, or GPUs that are only named."""

from pathlib import Path
from typing import Any

from torchferry.benchmarks.gpu.devices import Devices
from torchferry.benchmarks.gpu.setting import Setting


def devices(*names: str) -> Devices:
    return Devices(kind="cuda" if names else "cpu", names=names, torch="2.11.0", cuda="13.0" if names else None)


def setting(scratch: Path, *names: str, **changes: Any) -> Setting:
    usual: dict[str, Any] = {"small": not names, "rounds": 1, "cifar": None, "accuracy": 0.8}
    return Setting(devices=devices(*names), scratch=scratch, **usual | changes)
