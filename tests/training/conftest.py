from collections.abc import Iterator

import pytest
import torch

from training.process_group import Place, process_group


@pytest.fixture
def alone() -> Iterator[Place]:
    """The only rank, in a process group of one."""
    place = Place(rank=0, world_size=1, device=torch.device("cpu"), local_rank=0, one_node=True)
    with process_group(place):
        yield place
