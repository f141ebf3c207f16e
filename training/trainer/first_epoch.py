"""Sees to it that the training set has something to learn: without, the loss is 0 or NaN, and nothing says so."""

from collections.abc import Iterator

from torchferry.training.data.collate import Batch
from torchferry.training.data.held_targets import check_any
from torchferry.training.distributed.process_group import gathered
from torchferry.training.tasks.task import TrainingTask


class FirstEpoch:
    """Every rank has one and calls it alike. It looks at batches until one has all that the task learns from, which
    usually is the first."""

    def __init__(self, task: TrainingTask) -> None:
        self.task = task
        self.lacks: frozenset[str] | None = None
        """What no sample so far has; None before the first batch."""
        self.is_over = False

    def watch(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches."""
        for batch in batches:
            if not self.is_over and len(batch.indices) and (self.lacks is None or self.lacks):
                found = self.task.lacking(batch.targets)
                self.lacks = found if self.lacks is None else self.lacks & found
            yield batch

    def ended(self) -> None:
        """Once the first whole epoch is over. Raises UserError, on every rank alike, where no rank's samples had what
        the task learns from."""
        if self.is_over:
            return
        self.is_over = True
        check_any([lacks for lacks in gathered(self.lacks) if lacks is not None], "training")
