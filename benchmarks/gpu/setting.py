"""The setting that every part is given: devices, sizes, and a place to write."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from torchferry.benchmarks.gpu.devices import Devices
from torchferry.benchmarks.training.workload import Workload, cores_each

TRAINER = "torchferry.benchmarks.training.trainers.our_trainer"
"""Ours, with stand-ins for packages that it can do without."""

TITLES = {
    "resnet18": "ResNet-18, 32 x 32",
    "resnet50": "ResNet-50, 224 x 224",
    "tiny": "a tiny network",
}
SAMPLES = {"resnet18": 51_200, "resnet50": 4_096, "tiny": 8}
"""Images in memory: as many as CIFAR-10 has, and of 224 x 224 as many as are made in seconds."""


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

    def workload(
        self, model: str, *, batch: int, steps: int, precision: str = "bf16", channels_last: bool = True
    ) -> Workload:
        """`batch` is of one device. Where sizes are small, it is another model too."""
        if self.small:
            model, batch, steps = "tiny", 4, 4
        samples = SAMPLES[model]
        together = batch * self.devices.count
        return Workload(
            model=model,
            processes=self.devices.count,
            threads=1 if self.devices.kind == "cpu" else cores_each(self.devices.count),
            batch_size=together,
            warmup=max(2, steps // 5),
            steps=steps,
            precision=precision,
            channels_last=channels_last,
            compile=False,
            samples=max(together, samples),
            log_every=2 if self.small else 50,
        )

    @property
    def options(self) -> argparse.Namespace:
        """What the benchmarks of the trainer take."""
        return argparse.Namespace(rounds=self.rounds, scratch=self.scratch)
