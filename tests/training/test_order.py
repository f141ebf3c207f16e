from itertools import chain

import pytest

from training.data.order import GlobalBatches
from training.errors import UserError


def epoch_of(epoch: int, world_size: int, samples: int = 50, batch_size: int = 12) -> list[list[int]]:
    """The global batches, put together from what each rank takes."""
    ranks = [GlobalBatches(samples, batch_size, 3, rank, world_size) for rank in range(world_size)]
    for rank in ranks:
        rank.set_epoch(epoch)
    return [list(chain(*parts)) for parts in zip(*ranks, strict=True)]


@pytest.mark.parametrize("world_size", [2, 3, 4])
def test_global_batches_are_the_same_at_any_world_size(world_size: int) -> None:
    assert epoch_of(5, world_size) == epoch_of(5, 1)


def test_no_sample_comes_twice_in_an_epoch() -> None:
    batches = epoch_of(0, 2)
    seen = list(chain(*batches))
    assert len(batches) == 4
    assert len(set(seen)) == len(seen) == 48


def test_epochs_and_seeds_differ() -> None:
    assert epoch_of(0, 1) != epoch_of(1, 1)
    assert list(GlobalBatches(50, 12, seed=0)) != list(GlobalBatches(50, 12, seed=1))


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(UserError, match="more than the 10 training samples"):
        GlobalBatches(10, 12, seed=0)
