"""Cores for each worker, so that all of them together compute on no more than the cgroup's quota has."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerThreads:
    cores: int
    workers: int
    """Of all models."""
    wanted: int = 0
    """Threads of each worker; 0: its share."""

    @property
    def threads(self) -> int:
        """Of each worker: its share, which is one where there are more workers than cores."""
        return self.wanted or max(1, self.cores // self.workers)

    def __str__(self) -> str:
        total = self.workers * self.threads
        text = f"{_counted(self.workers, 'worker')}, each on {_counted(self.threads, 'thread')}"
        return f"{text}: {total - self.cores} more than the {self.cores} cores" if total > self.cores else text


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
