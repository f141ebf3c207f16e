"""The progress of a run, which a checkpoint holds and rank 0 reports."""

from dataclasses import dataclass


@dataclass(kw_only=True)
class Progress:
    """Where a run stands."""

    epoch: int = 0
    """Epochs finished."""
    batch: int = 0
    """Global batches done in the epoch after those."""
    step: int = 0
    """Optimizer steps taken."""
    samples: int = 0
    """In the training set."""
    batch_size: int = 0
    evaluated_step: int = -1
    """Where the last evaluation was."""
    best: float | None = None
    """The best score so far."""
    best_step: int = -1
    """Where it was."""
    stale: int = 0
    """Evaluations since then."""
    world_size: int = 1
    """Ranks that wrote it."""
