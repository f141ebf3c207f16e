"""Scenes of digits: the same each time, and one scene for all kinds of targets."""

import pytest
import torch

from torchferry.errors import UserError
from torchferry.training.data.digit_scenes import Targets, digit_scenes
from torchferry.training.data.source import Source


def scenes(targets: Targets, **change: int) -> Source:
    return digit_scenes(train_scenes=12, test_scenes=6, size=40, **({"smallest": 12, "largest": 20} | change),
                        targets=targets)  # fmt: skip


def test_targets_of_all_kinds_are_of_the_same_scenes() -> None:
    labels, masks, boxes = (scenes(kind) for kind in ("labels", "masks", "boxes"))
    for place in range(12):
        picture, shown = labels.train[place]
        masked, mask = masks.train[place]
        boxed, found = boxes.train[place]
        assert torch.equal(picture, masked)
        assert torch.equal(picture, boxed)
        digits = sorted(set(found["labels"].tolist()))
        assert shown.nonzero().flatten().tolist() == digits
        assert sorted(set(mask.unique().tolist()) - {0}) == [digit + 1 for digit in digits]
        for box, digit in zip(found["boxes"].long().tolist(), found["labels"].tolist(), strict=True):
            left, top, right, bottom = box
            assert left < right <= 40
            assert (mask[top:bottom, left:right] == digit + 1).any()
    assert masks.labels == ("ground", *labels.labels)
    assert (labels.targets, masks.targets, boxes.targets) == ("labels", "masks", "boxes")


def test_they_are_the_same_each_time_and_of_different_scans_in_the_test() -> None:
    one, again, other = scenes("labels"), scenes("labels"), scenes("labels", scene_seed=1)

    assert torch.equal(one.train[3][0], again.train[3][0])
    assert not torch.equal(one.train[3][0], other.train[3][0])
    assert not torch.equal(one.train[3][0], one.test[3][0])


def test_a_scene_may_be_empty() -> None:
    counts = [int(shown.sum()) for _, shown in (scenes("labels").train[place] for place in range(12))]
    assert 0 in counts
    assert max(counts) > 1


def test_digits_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="largest: 50 is not from smallest, 12, to size, 40"):
        scenes("labels", largest=50)
