"""All workers together compute on no more cores than there are, unless somebody asks for more."""

import pytest

from torchferry.serving.torchserve.worker_threads import WorkerThreads


@pytest.mark.parametrize(
    ("cores", "workers", "wanted", "threads"),
    [(8, 1, 0, 8), (8, 2, 0, 4), (8, 3, 0, 2), (2, 3, 0, 1), (8, 2, 1, 1), (2, 2, 6, 6)],
)
def test_each_worker_has_its_share_or_what_was_asked_for(cores: int, workers: int, wanted: int, threads: int) -> None:
    assert WorkerThreads(cores, workers, wanted).threads == threads


@pytest.mark.parametrize(
    ("worker_threads", "text"),
    [
        (WorkerThreads(1, 1), "1 worker, each on 1 thread"),
        (WorkerThreads(8, 2), "2 workers, each on 4 threads"),
        (WorkerThreads(2, 3), "3 workers, each on 1 thread: 1 more than the 2 cores"),
        (WorkerThreads(4, 2, 3), "2 workers, each on 3 threads: 2 more than the 4 cores"),
    ],
)
def test_it_says_when_there_are_more_threads_than_cores(worker_threads: WorkerThreads, text: str) -> None:
    assert str(worker_threads) == text
