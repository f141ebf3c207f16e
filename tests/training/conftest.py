from collections.abc import Iterator

import pytest

from tests.training import tiny
from torchferry.training.distributed.process_group import RankInfo, process_group


@pytest.fixture
def alone() -> Iterator[RankInfo]:
    """The only rank, in a process group of one."""
    with process_group(tiny.ALONE):
        yield tiny.ALONE
