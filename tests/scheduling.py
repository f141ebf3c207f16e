"""Scheduling for pytest-xdist: tests by file, containers on one worker, and slow tests first."""

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

LONGEST = (
    "docker",
    "training/test_exact",
    "serving/export/test_parity",
    "k8s/test_rollout",
    "serving/torchserve/test_rollout",
    "pipeline",
    "training/test_store",
    "training/test_two_hosts",
)
"""Folders and files that begin first, or the others would have to wait for them at the end."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """All tests of a file on one worker, as --dist loadfile; and all containers, since there is one engine for them."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "containers" if file.startswith("tests/docker/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    config.option.loadscopereorder = False  # the order is that of the collection
    return ByFile(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_start)


def _start(item: pytest.Item) -> int:
    path = str(item.path.relative_to(Path(__file__).parent))
    return next((place for place, begins in enumerate(LONGEST) if path.startswith(begins)), len(LONGEST))
