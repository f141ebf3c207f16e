"""Augmentation is a function of seed, epoch and sample, however batches are cut."""

import numpy as np
import pytest
import torch

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.data.augment import Augment

ALL = [
    Component(name="horizontal_flip"),
    Component(name="random_crop", args={"padding": 2}),
    Component(name="rotation", args={"degrees": 30}),
    Component(name="torchvision.transforms.v2.ColorJitter", args={"brightness": 0.5}),
]


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(0, 256, (12, 3, 10, 14), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("part", ALL, ids=lambda part: part.name)
def test_it_depends_on_the_sample_alone(part: Component, images: torch.Tensor) -> None:
    augment, indices = Augment([part], seed=5), np.arange(100, 112)
    whole = augment.images(images, 3, indices)
    torch.manual_seed(1)  # what others draw has no influence
    halves = [augment.images(images[half], 3, indices[half]) for half in (slice(0, 5), slice(5, 12))]
    assert torch.equal(torch.cat(halves), whole)
    assert whole.dtype == torch.uint8
    assert not torch.equal(whole, images)
    assert not torch.equal(augment.images(images, 4, indices), whole)
    assert not torch.equal(Augment([part], seed=6).images(images, 3, indices), whole)


def test_it_leaves_the_generators_alone(images: torch.Tensor) -> None:
    before = torch.get_rng_state()
    Augment(ALL, seed=5).images(images, 0, np.arange(12))
    assert torch.equal(torch.get_rng_state(), before)


def test_flip_mirrors_and_a_quarter_turn_turns(images: torch.Tensor) -> None:
    flipped = Augment([Component(name="horizontal_flip", args={"p": 1.0})], 0).images(images, 0, np.arange(12))
    assert torch.equal(flipped, images.flip(-1))
    square = images[:, :, :10, :10]
    from torchferry.training.data.augment import Rotation

    turned = Rotation(90)(square, torch.ones(12, 1))
    assert torch.equal(turned, square.rot90(-1, (2, 3))) or torch.equal(turned, square.rot90(1, (2, 3)))


def test_a_crop_is_a_window_of_the_padded_image(images: torch.Tensor) -> None:
    from torchferry.training.data.augment import RandomCrop

    shifted = RandomCrop(2)(images, torch.tensor([[0.0, 0.999]]).expand(12, 2))
    assert torch.equal(shifted[:, :, 2:, :-2], images[:, :, :-2, 2:])
    assert not shifted[:, :, :2].any()


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Component(name="horizontal_flop"), "data.augment.0..name: there is no 'horizontal_flop'"),
        (Component(name="rotation", args={"degrees": 0}), "rotation.degrees"),
        (Component(name="torchvision.transforms.v2.RandomCrop", args={"size": 4}), "it must stay that"),
    ],
)
def test_what_cannot_be_is_named(part: Component, words: str, images: torch.Tensor) -> None:
    with pytest.raises(UserError, match=words):
        Augment([part], 0).images(images, 0, np.arange(12))
