"""Each sample is blended with the one before it, the same however a global batch is shared out."""

import numpy as np
import pytest
import torch

from torchferry.training.data.mix import Mix

IMAGES = torch.arange(8, dtype=torch.uint8).mul(30).view(8, 1, 1, 1).expand(8, 3, 6, 6).contiguous()
CLASSES = torch.arange(8)
BEFORE = [7, 0, 1, 2, 3, 4, 5, 6]


def mixed(mix: Mix, samples: list[int], epoch: int = 0, batch: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """As a rank does it, whose share begins with the neighbour of its first sample."""
    share = [BEFORE[samples[0]], *samples]
    return mix(IMAGES[share], CLASSES[share], epoch, batch)


@pytest.mark.parametrize(("mixup", "cutmix"), [(1.0, 0.0), (0.0, 1.0), (0.4, 1.0)])
def test_two_ranks_get_what_one_gets(mixup: float, cutmix: float) -> None:
    mix = Mix(mixup, cutmix, classes=8, seed=3)
    for batch in range(4):
        images, targets = mixed(mix, list(range(8)), batch=batch)
        halves = [mixed(mix, half, batch=batch) for half in ([0, 1, 2, 3], [4, 5, 6, 7])]
        assert torch.equal(torch.cat([half[0] for half in halves]), images)
        assert torch.equal(torch.cat([half[1] for half in halves]), targets)


def test_mixup_blends_images_and_targets_by_the_same_share() -> None:
    images, targets = mixed(Mix(1.0, 0.0, classes=8, seed=3), list(range(8)))
    share = targets[0, 0]
    assert 0 < share < 1
    hot = torch.eye(8)
    torch.testing.assert_close(targets, share * hot + (1 - share) * hot[BEFORE])
    torch.testing.assert_close(images, share * IMAGES.float() + (1 - share) * IMAGES[BEFORE].float())
    assert (images.dtype, targets.dtype) == (torch.float32, torch.float32)


def test_cutmix_pastes_a_box_whose_area_is_the_others_share() -> None:
    mix = Mix(0.0, 1.0, classes=8, seed=3)
    shares = []
    for batch in range(8):
        images, targets = mixed(mix, list(range(8)), batch=batch)
        pasted = images == IMAGES[BEFORE]
        assert torch.equal(images, torch.where(pasted, IMAGES[BEFORE], IMAGES).float())
        torch.testing.assert_close(targets[torch.arange(8), BEFORE], pasted.float().mean(dim=(1, 2, 3)))
        shares.append(float(targets[0, 7]))
    assert 0 < np.mean(shares) < 1


def test_a_batch_is_the_same_again_and_every_batch_another() -> None:
    mix = Mix(1.0, 0.0, classes=8, seed=3)
    keys = [(0, 0), (0, 1), (1, 0)]
    shares = [float(mixed(mix, [1, 2], *key)[1][0, 1]) for key in keys]
    assert shares == [float(mixed(Mix(1.0, 0.0, 8, 3), [1, 2], *key)[1][0, 1]) for key in keys]
    assert len({*shares, float(mixed(Mix(1.0, 0.0, 8, 4), [1, 2])[1][0, 1])}) == 4


def test_of_two_kinds_each_batch_takes_one() -> None:
    both, alone = Mix(1.0, 1.0, classes=8, seed=3), [Mix(1.0, 0.0, 8, 3), Mix(0.0, 1.0, 8, 3)]
    assert [len(mix.kinds) for mix in (both, *alone)] == [2, 1, 1]
    whole = [bool((mixed(both, [5, 6], batch=batch)[0] % 30 == 0).all()) for batch in range(16)]
    assert 0 < sum(whole) < 16  # only a blend makes pixels that no image has
