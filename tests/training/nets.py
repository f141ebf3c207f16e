"""Networks with one peculiarity each, taken by their import path."""

import os
import signal
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import Dataset

from torchferry.training.models.seed_nets import DigitsCNN


class BatchNorm(nn.Module):
    """Its running statistics differ between ranks, quickly."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8, momentum=0.9), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(8 * 6 * 6, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(image))


class Tied(nn.Module):
    """Two layers share a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 64)
        self.second.weight = self.first.weight
        self.head = nn.Linear(64, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.second(self.first(image.flatten(1)).relu()).relu())


class Idle(nn.Module):
    """One layer gets no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.unused = nn.Linear(64, 10), nn.Linear(64, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(image.flatten(1))


class OnlyInTraining(nn.Module):
    """One layer gets a gradient in training alone."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.extra = nn.Linear(64, 10), nn.Linear(64, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits = self.head(image.flatten(1))
        return logits + self.extra(image.flatten(1)) if self.training else logits


class Branching(nn.Module):
    """One layer takes part only where the first sample has an even sum of pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.branch = nn.Linear(64, 10), nn.Linear(64, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        pixels = image.flatten(1)
        logits = self.head(pixels)
        # Scans of digits have 16 shades.
        return logits + self.branch(pixels) if (pixels[0] * 16).round().sum() % 2 == 0 else logits


class Lazy(nn.Sequential):
    """Its layers learn their shapes from what they see first."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.LazyLinear(32), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(10))


class Recurrent(nn.Module):
    """Reads an image row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.head = nn.LSTM(8, 32, batch_first=True), nn.Linear(32, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        states, _ = self.rows(image[:, 0])
        return self.head(states[:, -1])


class Short(nn.Sequential):
    """Has a buffer of a type that ranks cannot send to each other."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, 10))
        self.register_buffer("seen", torch.zeros(3, dtype=torch.int16))


class Normed(nn.Sequential):
    """Has a weight that is computed from others and kept, as torch.nn.utils.weight_norm does it."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, 10))
        scale = nn.Parameter(torch.ones(()))
        self.kept = (scale * 2,)


class Pair(nn.Module):
    """Gives two tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.head(image.flatten(1))
        return logits, logits


class Mortal(DigitsCNN):
    """Dies by SIGKILL in forward passes named by MORTAL_AT, as in `1:8,0:18`: rank and number since its process began.

    Each of them happens once, which a file in MORTAL_DIR remembers over restarts.
    """

    passes = 0

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if self.training:
            Mortal.passes += 1
            death = f"{os.environ.get('RANK', 0)}:{Mortal.passes}"
            remembered = Path(os.environ["MORTAL_DIR"]) / death
            if death in os.environ["MORTAL_AT"].split(",") and not remembered.exists():
                remembered.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(image)


class Blip(DigitsCNN):
    """Gradients are not finite in its second and third step, or always."""

    passes = 0

    def __init__(self, always: bool = False) -> None:
        super().__init__()
        self.always = always

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        Blip.passes += self.training
        broken = self.training and (self.always or Blip.passes in (2, 3))
        outputs = super().forward(image)
        # The value stays, but the root's derivative at 0 is infinite, and times 0 that is no number.
        return outputs + (0 * outputs.sum()).sqrt() if broken else outputs


class Poison(BatchNorm):
    """What it sees in two early steps is not finite, and BatchNorm's statistics take that in."""

    passes = 0

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        Poison.passes += self.training
        broken = self.training and Poison.passes in (4, 5)
        return super().forward(image * torch.inf if broken else image)


class Learned(nn.CrossEntropyLoss):
    """A loss with a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(()))


class Slow(Dataset):
    """Grey images of one class each that take their time."""

    def __init__(self, size: int, seconds: float) -> None:
        self.size, self.seconds = size, seconds

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        time.sleep(self.seconds)
        return torch.full((1, 8, 8), index % 10, dtype=torch.uint8), index % 10


class Spoiled(Dataset):
    """Grey images of one class each; every sixteenth cannot be read."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if index % 16 == 7:
            raise OSError("the disk has a hole here")
        return torch.full((1, 8, 8), index % 10, dtype=torch.uint8), index % 10


class Diverges(nn.Module):
    """Its outputs are no numbers from a step on."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.layer, self.at = nn.Linear(3, 3), at
        self.steps: torch.Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        self.steps += int(self.training)
        return self.layer(points) * torch.where(self.steps >= self.at, torch.nan, 1.0)
