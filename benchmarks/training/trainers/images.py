"""Random images in memory: they cost what real ones do, and no loader or disk is measured with them."""

import torch
from torch.utils.data import TensorDataset

from torchferry.training.data.source import ImageInput, Source


def random_images(size: int, samples: int, classes: int, seed: int = 0) -> Source:
    """uint8 RGB images of `size` by `size`, and a class for each; 64 more of them to test on."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (samples + 64, 3, size, size), dtype=torch.uint8, generator=generator)
    truth = torch.randint(0, classes, (samples + 64,), generator=generator)
    return Source(
        train=TensorDataset(images[:samples], truth[:samples]),
        test=TensorDataset(images[samples:], truth[samples:]),
        labels=tuple(str(name) for name in range(classes)),
        input=ImageInput(mode="RGB", height=size, width=size, mean=(0.5,) * 3, std=(0.289,) * 3),
    )
