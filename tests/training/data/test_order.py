from itertools import chain

import numpy as np
import pytest

from torchferry.errors import UserError
from torchferry.training.data.order import GlobalBatches


def epoch_of(epoch: int, world_size: int, *, accumulate: int = 1, neighbour: bool = False) -> list[list[int]]:
    """Each global batch as all ranks together take it; a neighbour that came along is left out."""
    batches: dict[int, list[int]] = {}
    ranks = [
        GlobalBatches(50, 12, 3, rank, world_size, accumulate=accumulate, neighbour=neighbour)
        for rank in range(world_size)
    ]
    for shares in zip(*(rank.shares(epoch) for rank in ranks), strict=True):
        for share in shares:
            batches.setdefault(share.batch, []).extend(share.indices[neighbour:].tolist())
    return list(batches.values())


@pytest.mark.parametrize("world_size", [2, 3, 4])
def test_global_batches_are_the_same_at_any_world_size(world_size: int) -> None:
    assert epoch_of(5, world_size) == epoch_of(5, 1)


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_accumulation_only_cuts_a_global_batch(world_size: int) -> None:
    assert epoch_of(5, world_size, accumulate=2) == epoch_of(5, 1)


def test_a_share_begins_with_the_sample_before_it_in_a_circle() -> None:
    whole = epoch_of(0, 1)[0]
    first = [next(GlobalBatches(50, 12, 3, rank, 3, neighbour=True).shares(0)).indices for rank in range(3)]
    assert [int(indices[0]) for indices in first] == [whole[11], whole[3], whole[7]]
    assert epoch_of(0, 3, neighbour=True) == epoch_of(0, 1)


def test_no_sample_comes_twice_in_an_epoch() -> None:
    batches = epoch_of(0, 2)
    seen = list(chain(*batches))
    assert len(batches) == 4
    assert len(set(seen)) == len(seen) == 48


def test_an_epoch_can_be_entered_anywhere() -> None:
    order = GlobalBatches(50, 12, 3)
    late = [share.indices.tolist() for share in order.shares(2, first=3)]
    assert late == [share.indices.tolist() for share in order.shares(2)][3:]


def test_epochs_and_seeds_differ() -> None:
    assert epoch_of(0, 1) != epoch_of(1, 1)
    shares = [next(GlobalBatches(50, 12, seed).shares(0)).indices.tolist() for seed in (0, 1)]
    assert shares[0] != shares[1]


def test_a_source_can_have_an_order_of_its_own() -> None:
    order = GlobalBatches(50, 12, 3, order=lambda seed, epoch: np.arange(50) + seed + epoch)
    assert next(order.shares(1)).indices.tolist() == list(range(4, 16))


@pytest.mark.parametrize(
    ("samples", "batch_size", "world_size", "accumulate", "words"),
    [
        (10, 12, 1, 1, "more than the 10 training samples"),
        (50, 12, 5, 1, "12 cannot be shared by 5 ranks"),
        (50, 12, 2, 4, "12 cannot be shared by 2 ranks x 4 accumulated batches"),
        (0, 12, 1, 1, "the training set is empty"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(
    samples: int, batch_size: int, world_size: int, accumulate: int, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        GlobalBatches(samples, batch_size, 0, 0, world_size, accumulate=accumulate)
