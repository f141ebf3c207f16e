"""An epoch of which no sample has anything to learn ends the run, and one sample that has is enough."""

from collections.abc import Iterator

import pytest
import torch

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.data.collate import Batch
from torchferry.training.trainer.first_epoch import FirstEpoch

TASK = tiny.task("segmentation")
EMPTY, FULL = torch.full((2, 4, 4), 255), torch.zeros(2, 4, 4)


def batches(*masks: torch.Tensor) -> Iterator[Batch]:
    for number, mask in enumerate(masks):
        yield Batch(torch.zeros(len(mask)), mask.to(torch.uint8), torch.arange(len(mask)), number, [])


@pytest.mark.usefixtures("alone")
def test_a_set_without_anything_to_learn_is_refused_after_an_epoch() -> None:
    epoch = FirstEpoch(TASK)

    assert [batch.number for batch in epoch.watch(batches(EMPTY, EMPTY))] == [0, 1]
    with pytest.raises(UserError, match="no training sample has a pixel that is not ignore_index 255"):
        epoch.ended()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("masks", [(EMPTY, FULL), (FULL, EMPTY), ()])
def test_one_sample_is_enough(masks: tuple[torch.Tensor, ...]) -> None:
    epoch = FirstEpoch(TASK)

    list(epoch.watch(batches(*masks)))
    epoch.ended()


@pytest.mark.usefixtures("alone")
def test_epochs_after_the_first_are_not_looked_at() -> None:
    epoch = FirstEpoch(TASK)
    list(epoch.watch(batches(FULL)))
    epoch.ended()

    list(epoch.watch(batches(EMPTY)))
    epoch.ended()
