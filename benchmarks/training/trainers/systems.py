"""Data, network and optimizer by import path, so that every trainer builds the very same."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Part:
    path: str
    """Import path of a class or function."""
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class System:
    source: Part
    network: Part
    optimizer: Part
    samples: int
    """To train on."""
    forward_gflop: float
    """For one sample, a multiplication and an addition being two, as torch.utils.flop_counter gives it."""
    batch_size: int
    """Of all processes together, unless asked otherwise."""
    steps: int
    """Timed optimizer steps in one run, unless asked otherwise."""


RANDOM_IMAGES = "torchferry.benchmarks.training.trainers.images.random_images"
RESNETS = "torchferry.benchmarks.training.trainers.resnets"
SGD = Part(path="torch.optim.SGD", args={"lr": 0.01, "momentum": 0.9})

SYSTEMS = {
    "digits": System(
        source=Part(path="torchferry.training.data.digits.digits"),
        network=Part(path="torchferry.training.models.seed_nets.DigitsCNN"),
        optimizer=Part(path="torch.optim.AdamW", args={"lr": 0.001}),
        samples=1437,
        forward_gflop=0.00384,
        batch_size=64,
        steps=600,
    ),
    "resnet18": System(
        source=Part(path=RANDOM_IMAGES, args={"size": 32, "samples": 2048, "classes": 10}),
        network=Part(path=f"{RESNETS}.resnet18", args={"num_classes": 10}),
        optimizer=SGD,
        samples=2048,
        forward_gflop=0.0740,
        batch_size=64,
        steps=60,
    ),
    # To see that a benchmark runs.
    "tiny": System(
        source=Part(path=RANDOM_IMAGES, args={"size": 32, "samples": 64, "classes": 10}),
        network=Part(path="torchferry.training.models.resnet9.ResNet9", args={"width": 4}),
        optimizer=SGD,
        samples=64,
        forward_gflop=0.00317,
        batch_size=8,
        steps=10,
    ),
    # For GPUs.
    "resnet50": System(
        source=Part(path=RANDOM_IMAGES, args={"size": 224, "samples": 4096, "classes": 1000}),
        network=Part(path=f"{RESNETS}.resnet50"),
        optimizer=SGD,
        samples=4096,
        forward_gflop=8.18,
        batch_size=256,
        steps=100,
    ),
}
