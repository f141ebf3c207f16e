"""Augmentations move a mask as they move its picture, keyed by the sample."""

import numpy as np
import pytest
import torch

from torchferry.contract.tasks.segmentation import Segmentation as Contract
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.data.augment import Augment
from torchferry.training.tasks import half_of

TASK = half_of(Contract(labels=("dark", "bright")))
PARTS = [
    Component(name="horizontal_flip"),
    Component(name="random_crop", args={"padding": 3}),
    Component(name="rotation", args={"degrees": 40}),
    Component(name="torchvision.transforms.v2.RandomVerticalFlip"),
    Component(name="torchvision.transforms.v2.RandomAffine", args={"degrees": 20, "fill": 0}),
]


@pytest.fixture
def samples() -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures, and masks that say where they are bright."""
    images = torch.where(torch.rand(10, 1, 16, 12, generator=torch.Generator().manual_seed(0)) < 0.4, 250, 100)
    return images.to(torch.uint8), (images[:, 0] > 200).to(torch.uint8)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_mask_says_of_the_moved_picture_what_it_said_before(
    part: Component, samples: tuple[torch.Tensor, torch.Tensor]
) -> None:
    images, masks = Augment([part], seed=3)(*samples, 1, np.arange(10), TASK)

    assert not torch.equal(images, samples[0])
    black = images[:, 0] < 50  # what came in from beyond the picture
    assert torch.equal(masks == 1, images[:, 0] > 200)
    assert not (masks[~black] == 255).any()


def test_what_comes_in_is_ignored(samples: tuple[torch.Tensor, torch.Tensor]) -> None:
    images, masks = Augment(PARTS[1:2], seed=3)(*samples, 1, np.arange(10), TASK)

    black = images[:, 0] < 50
    assert black.any()
    assert (masks[black] == 255).all()


def test_it_depends_on_the_sample_alone(samples: tuple[torch.Tensor, torch.Tensor]) -> None:
    augment = Augment(PARTS[:3], seed=3)
    whole = augment(*samples, 1, np.arange(10), TASK)
    torch.manual_seed(7)  # what others draw has no influence
    images, masks = samples
    halves = (slice(0, 4), slice(4, 10))
    parts = [augment(images[half], masks[half], 1, np.arange(10)[half], TASK) for half in halves]
    for place in (0, 1):
        assert torch.equal(torch.cat([part[place] for part in parts]), whole[place])


def test_a_transform_of_pictures_alone_is_told(samples: tuple[torch.Tensor, torch.Tensor]) -> None:
    part = Component(name="torchvision.transforms.RandomInvert")
    with pytest.raises(UserError, match=r"torchvision\.transforms\.RandomInvert failed on sample 0"):
        Augment([part], seed=3)(*samples, 1, np.arange(10), TASK)
