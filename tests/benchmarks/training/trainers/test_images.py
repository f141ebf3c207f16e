"""Random images: bytes in the shape of real ones, the same for the same seed."""

import torch
from torch.utils.data import Dataset, TensorDataset

from torchferry.benchmarks.training.trainers.images import random_images


def of(data: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    """Images, and a class for each."""
    assert isinstance(data, TensorDataset)
    images, truth = data.tensors
    return images, truth


def test_there_are_as_many_as_asked_and_64_to_test_on() -> None:
    source = random_images(4, samples=10, classes=3)
    images, truth = of(source.train)
    assert (images.shape, images.dtype) == ((10, 3, 4, 4), torch.uint8)
    assert set(truth.tolist()) <= {0, 1, 2}
    assert (len(truth), len(of(source.test)[1])) == (10, 64)
    assert source.labels == ("0", "1", "2")


def test_the_same_seed_gives_the_same_and_another_others() -> None:
    first, again, other = (of(random_images(4, 10, 3, seed=seed).train) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_values_are_spread_over_all_of_a_byte() -> None:
    images, _ = of(random_images(16, 32, 3).train)
    assert (int(images.min()), int(images.max())) == (0, 255)
