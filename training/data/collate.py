"""From the numbers of samples to a batch, in the training process or in a loader process."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset, IterableDataset, TensorDataset, get_worker_info

from torchferry.errors import UserError
from torchferry.training.data.augment import Augment
from torchferry.training.data.order import GlobalBatches, Share
from torchferry.training.data.seeding import OwnRandomness, seeded
from torchferry.training.data.source import Source
from torchferry.training.data.undivided import become_the_only_process
from torchferry.training.errors import CorruptSample
from torchferry.training.tasks.task import Targets, TrainingTask, on

TRIES = 100


class Batch(NamedTuple):
    inputs: torch.Tensor
    """[samples, ...] as the source's input says, padded to the longest of them."""
    targets: Targets
    """As the task's `batched` puts them together, such as int64 [samples]."""
    indices: torch.Tensor
    """int64 [samples], where each stands in its data set."""
    number: int
    """Of the global batch in its epoch, from 0."""
    corrupt: list[str]
    """What could not be read and was left out or replaced."""

    def to(self, device: torch.device) -> "Batch":
        if device.type == "cpu":
            return self
        inputs, targets = on((self.inputs, self.targets), device)
        return self._replace(inputs=inputs, targets=targets)


@dataclass
class Fetch(Dataset):
    """Reads, checks and augments the samples of a share. A `UserError` comes back as its text, because an
    exception would leave a loader process with a traceback in its message."""

    samples: Dataset
    task: TrainingTask
    augment: Augment | None = None
    seed: int = 0
    skip_corrupt: bool = False
    replace: bool = True
    """Whether a corrupt sample that is skipped is replaced by the one after it, or left out."""
    pad: float | None = None
    """What stands behind a shorter sample; None where all have one size."""

    def __getitem__(self, share: Share) -> "Batch | str":
        try:
            return self.batch(share)
        except UserError as error:
            return str(error)

    def batch(self, share: Share) -> Batch:
        indices = np.asarray(share.indices)
        corrupt: list[str] = []
        if isinstance(self.samples, TensorDataset):
            inputs, *held = (tensor[torch.from_numpy(indices)] for tensor in self.samples.tensors)
            targets = self.task.of_tensors(held)
        else:
            read = [self._read(share.epoch, int(index), corrupt) for index in indices]
            indices = indices[[pair is not None for pair in read]]
            inputs, targets = stacked([pair for pair in read if pair is not None], self.task, self.pad)
            self.check(targets, indices)
        return self.finished(inputs, targets, share._replace(indices=indices), corrupt)

    def finished(self, inputs: torch.Tensor, targets: Targets, share: Share, corrupt: list[str]) -> Batch:
        if self.augment is not None:
            inputs, targets = self.augment(inputs, targets, share.epoch, share.indices, self.task)
        return Batch(inputs, targets, torch.from_numpy(share.indices), share.batch, corrupt)

    def _read(self, epoch: int, index: int, corrupt: list[str]) -> tuple | None:
        for attempt in range(TRIES):
            try:
                return self._sample(epoch, (index + attempt) % len(self.samples))  # type: ignore[arg-type]  # map-style
            except CorruptSample as error:
                if not self.skip_corrupt:
                    raise UserError(f"{error}; data.on_corrupt skip goes on without such samples") from error
                corrupt.append(str(error))
                if not self.replace:
                    return None
        raise UserError(f"{corrupt[0]}, and so are the {TRIES - 1} samples after it")

    def _sample(self, epoch: int, index: int) -> tuple:
        # Such a set draws nothing, so the generators need not be set for each sample.
        if getattr(self.samples, "deterministic", False):
            return self.samples[index]
        with seeded(self.seed, epoch, index):
            return self.samples[index]

    def check(self, targets: Targets, indices: np.ndarray) -> None:
        if len(indices) and (wrong := self.task.wrong_targets(targets)):
            raise UserError(f"data.source: sample {indices[wrong[0]]} {wrong[1]}")


@dataclass
class Stream(IterableDataset):
    """The shares of an iterable data set: every process walks all of it and keeps what is its own.

    In a loader process the set is told that there is no other one, in case it would divide itself.
    """

    fetch: Fetch
    source: Source
    order: GlobalBatches
    epoch: int
    first: int

    def __iter__(self) -> Iterator[Batch | str]:
        worker = get_worker_info()
        number, count = (worker.id, worker.num_workers) if worker else (0, 1)
        if worker:
            become_the_only_process()
        try:
            for item, (share, pairs) in enumerate(self._shares()):
                # DataLoader takes from its workers in turn, so the batches keep their order.
                if item % count == number:
                    inputs, targets = stacked(pairs, self.fetch.task, self.fetch.pad)
                    self.fetch.check(targets, share.indices)
                    yield self.fetch.finished(inputs, targets, share, [])
        except UserError as error:
            yield str(error)

    def _samples(self) -> Iterator[tuple]:
        """With randomness of its own, the same in every process: the loop's goes on where a checkpoint left it."""
        own = OwnRandomness(self.order.seed, self.epoch)
        with own.used():
            samples = iter(cast(Iterable[tuple], self.source.train))
        while True:
            with own.used():
                sample = next(samples, None)
            if sample is None:
                return
            yield sample

    def _shares(self) -> Iterator[tuple[Share, list[tuple]]]:
        getattr(self.source.train, "set_epoch", lambda _: None)(self.epoch)
        wanted = self.order.shares(self.epoch, self.first)
        held: dict[int, tuple] = {}
        share = next(wanted, None)
        for position, pair in enumerate(self._samples()):
            if share is None:
                return
            start = share.batch * self.order.batch_size
            # Batches before the checkpoint are walked through, but not held.
            if position >= start:
                held[position] = pair
            while share is not None and position + 1 == (share.batch + 1) * self.order.batch_size:
                yield share, [held[index] for index in share.indices.tolist()]
                ended, share = share.batch, next(wanted, None)
                # With accumulation the next share may be of the same batch.
                if share is None or share.batch != ended:
                    held.clear()
        if share is not None:
            raise UserError(
                f"data.source: the stream ended before its {self.source.train_size} samples; train_samples is too large"
            )


def stacked(pairs: Sequence[tuple], task: TrainingTask, pad: float | None = None) -> tuple[torch.Tensor, Targets]:
    """With `pad` behind those that are shorter than the longest; None is for samples of one size."""
    if not pairs:
        return torch.empty(0), torch.empty(0)  # a rank's last batch of an evaluation may be empty
    inputs, targets = zip(*pairs, strict=True)
    put = torch.stack(inputs) if pad is None else pad_sequence(list(inputs), batch_first=True, padding_value=pad)
    return put, task.batched(list(targets))
