"""Small networks that come with the recipes. Each takes normalised float32 and returns logits."""

import torch
from torch import nn


class DigitsCNN(nn.Module):
    """[batch, 1, 8, 8] to [batch, classes]; no BatchNorm, so nothing depends on how a batch is shared."""

    def __init__(self, classes: int = 10, width: int = 32, dropout: float = 0.3) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(2 * width * 4 * 4, 128),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(128, classes),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layers(image)
