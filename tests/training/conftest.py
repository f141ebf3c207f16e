from collections.abc import Iterator

import pytest

from tests.training import tiny
from training.process_group import Place, process_group


@pytest.fixture
def alone() -> Iterator[Place]:
    """The only rank, in a process group of one."""
    with process_group(tiny.ALONE):
        yield tiny.ALONE
