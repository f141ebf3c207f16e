"""Mixup and CutMix: each sample is blended with the one before it in the global batch.

The partner and the blend depend on seed, epoch and batch alone, so a step is the same at any number of
ranks: every share begins with the neighbour of its first sample (order.py).
"""

import numpy as np
import torch

from torchferry.training.data.seeding import seeded


class Mix:
    def __init__(self, mixup: float, cutmix: float, classes: int, seed: int) -> None:
        """`mixup` and `cutmix` are the alphas of their Beta distributions, 0 for off; of both, each batch takes one."""
        # Imported here, because most runs mix nothing and torchvision takes a while to load.
        from torchvision.transforms.v2 import CutMix, MixUp

        self.kinds = [MixUp(alpha=mixup, num_classes=classes)] if mixup else []
        self.kinds += [CutMix(alpha=cutmix, num_classes=classes)] if cutmix else []
        self.seed = seed

    def __call__(
        self, inputs: torch.Tensor, targets: torch.Tensor, epoch: int, batch: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """[1 + samples, ...] and int64 [1 + samples] to [samples, ...] and float32 [samples, classes]."""
        with seeded(self.seed, epoch, batch):
            kind = self.kinds[np.random.randint(len(self.kinds))]
            # Both blend with roll(1, 0), the sample before; MixUp does it in place, which integers cannot take.
            inputs, targets = kind(inputs.float(), targets)
        return inputs[1:], targets[1:]
