"""Compares a run that was built with the checkpoint from which it goes on."""

import hashlib
import json

from torchferry.errors import UserError
from torchferry.training.checkpointing.fingerprint import NOT_RECORDED, Fingerprint, compare, fingerprint_of
from torchferry.training.checkpointing.record import record_of
from torchferry.training.checkpointing.resume import Start
from torchferry.training.checkpointing.saved_files import OnDisk
from torchferry.training.distributed.process_group import from_the_leader, gathered
from torchferry.training.trainer.build import Run


def compare_start(run: Run, start: Start) -> str:
    """The fingerprint of the run, as JSON, for its own checkpoints; every rank calls it.

    The source was built under what was recorded before the run was held; here it is compared with the checkpoint that
    was chosen since. Raises UserError, on every rank alike, for what may not differ from it, or between the ranks; says
    what differs and may.
    """
    saved = from_the_leader(run.rank_info, lambda: _saved(run, start))
    now = fingerprint_of(run.recipe, run.source, run.model.network)
    _check_alike(now)
    said = []
    if start.checkpoint is not None:
        _check_no_row_moves(run, saved, now)
        if run.adopted:
            said.append("what was computed from the samples when the run began, such as their mean, stays as it was")
        if saved is not None:
            said += compare(saved, now, start.where, new_run=start.given, inside_epoch=run.progress.batch > 0)
            _look_for_the_best_anew(run, saved, now)
        else:
            _check_before(run)
            said.append(NOT_RECORDED.format(start.where))
    if run.rank_info.leads:
        for line in said:
            print(f"{run.recipe.name}: {line}", flush=True)
    return json.dumps(now, indent=2) + "\n"


def _saved(run: Run, start: Start) -> Fingerprint | None:
    """Of the checkpoint, or else what is known of its run, such as from the model in its store."""
    if start.checkpoint is not None:
        record = record_of(OnDisk(start.checkpoint)) or run.known
        return None if record is None else record.fingerprint
    if run.known is not None:
        raise UserError(f"{run.known.where}: has gone since this process began; start it again")
    return None


def _check_no_row_moves(run: Run, saved: Fingerprint | None, now: Fingerprint) -> None:
    """Raises UserError where other rows would shuffle some from the test set into training."""
    args, before = run.recipe.data.source.args, run.progress.samples
    listed = saved is not None and "samples" in saved
    others = saved["samples"] != now["samples"] if saved is not None and listed else before != run.order.samples
    if args.get("split") == "shuffle" and args.get("test_fraction") != 0 and others:
        raise UserError(
            "data.source: has other rows than when the run began, and split: shuffle would move rows from the test set "
            "into training; put the old ones back, or give another --name, and split: hash, which moves none"
        )


def _look_for_the_best_anew(run: Run, saved: Fingerprint, now: Fingerprint) -> None:
    """If the samples that decide what is best are others."""
    split = "train" if run.recipe.fold is not None or run.evaluation is not run.test else "test"
    if "samples" in saved and saved["samples"][split] != now["samples"][split]:
        run.progress.best, run.progress.best_step, run.progress.stale = None, -1, 0


def _check_before(run: Run) -> None:
    """Raises UserError where a run of an earlier version would go on with other numbers, since samples came or went."""
    before, now = run.progress.samples, run.order.samples
    if run.fits and before != now:
        raise UserError(
            f"data.source: gives {now} training samples; the run began with {before}, in an earlier version, which "
            "did not record their mean and the like; put the old ones back, or give another --name"
        )


def _check_alike(mine: Fingerprint) -> None:
    """Every rank sees the same samples, columns and network."""
    parts = ("samples", "labels", "input", "network")
    digests = [hashlib.sha256(json.dumps(mine[part], sort_keys=True).encode()).digest() for part in parts]
    for rank, theirs in enumerate(everyone := gathered(digests)):
        for part, there, here in zip(parts, theirs, everyone[0], strict=True):
            if there != here:
                raise UserError(f"data.source: rank {rank} finds other {part} than rank 0; give all nodes the same")
