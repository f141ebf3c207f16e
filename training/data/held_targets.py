"""Looks at all targets that are known before training, so that wrong ones, or none, are told before a step is taken."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Dataset, TensorDataset

from torchferry.errors import UserError
from torchferry.training.data.held_apart import Part
from torchferry.training.tasks.task import Targets, TrainingTask


def check_held(samples: Dataset, split: str, task: TrainingTask) -> None:
    """Raises UserError for a target that cannot be in a set that lies in memory, whose batches nobody looks at on their
    way to the network, and where no sample of such a set, or of a list of files with their targets, has one."""
    if isinstance(samples, TensorDataset):
        targets = task.of_tensors(list(samples.tensors[1:]))
        if wrong := task.wrong_targets(targets):
            raise UserError(f"data.source: {split} sample {wrong[0]} {wrong[1]}")
        check_any([task.lacking(targets)], split)
    else:
        check_any((task.lacking(each) for each in _listed(samples, task)), split)


def check_any(lacking: Iterator[frozenset[str]] | list[frozenset[str]], split: str) -> None:
    """Raises UserError for what every one of several batches lacks; asks for no more of them than it takes."""
    lacks: frozenset[str] | None = None
    for each in lacking:
        lacks = each if lacks is None else lacks & each
        if not lacks:
            return
    if lacks:
        purpose = "learnt" if split == "training" else "judged"
        raise UserError(f"data.source: no {split} sample has {min(lacks)}, so nothing can be {purpose}")


def _listed(samples: Dataset, task: TrainingTask) -> Iterator[Targets]:
    """A batch of each sample; none where targets are known only once samples are read."""
    places = np.arange(len(samples))  # type: ignore[arg-type]  # map-style, or with a length
    while isinstance(samples, Part):
        places = samples.indices[places]
        samples = samples.samples
    if callable(target := getattr(samples, "target", None)):
        yield from (task.batched([target(place)]) for place in places.tolist())
