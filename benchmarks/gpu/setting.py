"""What every part is given: the devices, the sizes, and where it may write."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from torchferry.benchmarks.gpu.devices import Devices
from torchferry.benchmarks.training.workload import Workload, cores_each

TRAINER = "torchferry.benchmarks.training.trainers.our_trainer"
"""Ours, with stand-ins for packages that it can do without."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    devices: Devices
    small: bool
    """Sizes with which a CPU is done in seconds."""
    rounds: int
    """Of what is measured beside something else."""
    cifar: Path | None
    """CIFAR-10's JPEG copies, a folder or a .tar.gz."""
    accuracy: float
    """That they are trained to, 0..1."""
    scratch: Path

    def workload(self, model: str, *, batch: int, steps: int, precision: str = "bf16", fast: bool = True) -> Workload:
        """`batch` is of one device; `fast` is channels last."""
        batch = 4 if self.small else batch
        steps = 4 if self.small else steps
        together = batch * self.devices.count
        return Workload(
            model=model,
            processes=self.devices.count,
            threads=1 if self.devices.kind == "cpu" else cores_each(self.devices.count),
            batch_size=together,
            warmup=max(2, steps // 5),
            steps=steps,
            precision=precision,
            channels_last=fast,
            compile=False,
            samples=max(together, 8 if self.small else 4096),
            log_every=2 if self.small else 10,
        )

    @property
    def options(self) -> argparse.Namespace:
        """What the benchmarks of the trainer take."""
        return argparse.Namespace(rounds=self.rounds, scratch=self.scratch)
