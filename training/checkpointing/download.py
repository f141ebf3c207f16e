"""Downloads a checkpoint from the store to every node, where a run goes on from it as if nodes shared a folder.

Every rank calls what is here. The first rank of each node works for it, the leading rank decides for all.
"""

import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from torchferry import run_folder
from torchferry.errors import StoreError, UserError
from torchferry.files import flush
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.remote_run import RemoteRun, order, step_of
from torchferry.training.checkpointing.upload_writer import RUN_FILES
from torchferry.training.distributed.process_group import RankInfo, from_the_leader, gathered
from torchferry.training.errors import RunFailed

RESUMED = ".resumed"


@dataclass(frozen=True)
class Candidate:
    name: str
    step: int
    checksums: str | None
    """Of one that lies on the leading node's disk alone; None for one in the store."""


class Problem(NamedTuple):
    kind: str
    """unfinished, damaged, or failed where another try may help."""
    text: str


def download_newest(stored: RemoteRun, run_dir: Path, rank_info: RankInfo, keep: int) -> Path | None:
    """The newest whole checkpoint of store and disk, where it lies now on each node; None for a run without any.

    The leading rank gets the run's small files with it. Raises UserError for a store that is of no use, or that holds
    damaged checkpoints only.
    """
    if (problem := from_the_leader(rank_info, lambda: _check(stored))) is not None:
        raise _end(problem, rank_info)
    folder = run_dir / run_folder.CHECKPOINTS
    if rank_info.local_rank == 0:
        checkpoint.put_back(folder)
        checkpoint.clear_unfinished(folder)  # or a disk would fill with what killed attempts had begun to fetch
    gathered(None)  # nobody fetches before, because nodes may share a folder all the same
    found, damaged = _download(stored, folder, rank_info, keep)
    if found is None and damaged:
        raise UserError(f"{stored.url}/checkpoints: holds no whole checkpoint; remove it, or give another --name")
    if found is not None:
        from_the_leader(rank_info, lambda: _return_files(found, run_dir))
    return found


def download_best(stored: RemoteRun, run_dir: Path, rank_info: RankInfo, keep: int, step: int) -> Path | None:
    """The checkpoint of the step with the best score."""
    return _download(stored, run_dir / run_folder.CHECKPOINTS, rank_info, keep, step)[0]


@contextmanager
def resumed(given: RemoteRun | None, own: Path | None, run_dir: Path, rank_info: RankInfo) -> Iterator[Path | None]:
    """The checkpoint of another run, which `resume` names by a URL, on each node until the end of the block.

    None where none is given, and where the run has one of its `own`. Raises UserError where there is none.
    """
    folder = run_dir / RESUMED
    here = run_dir / run_folder.CHECKPOINTS
    if given is None or own or from_the_leader(rank_info, lambda: bool(checkpoint.newest_first(here))):
        yield None
        return
    try:
        if rank_info.local_rank == 0:
            shutil.rmtree(folder, ignore_errors=True)  # what a killed attempt has left may be of another run
        gathered(None)
        if (found := _download(given, folder / run_folder.CHECKPOINTS, rank_info, keep=1)[0]) is None:
            raise UserError(f"resume: {given.url} holds no whole checkpoint; give another, or none")
        yield found
        gathered(None)  # all have read it
    finally:
        if rank_info.local_rank == 0:
            shutil.rmtree(folder, ignore_errors=True)


def _check(stored: RemoteRun) -> Problem | None:
    try:
        stored.check()
    except StoreError as error:
        return Problem("failed", f"checkpoint.store: cannot write {error}")
    return None


def _download(
    stored: RemoteRun, folder: Path, rank_info: RankInfo, keep: int, step: int | None = None
) -> tuple[Path | None, bool]:
    """And whether any that was complete once was of no use."""
    damaged = False
    # Asked anew each time, because another attempt may be saving and removing.
    while (candidate := from_the_leader(rank_info, lambda: _newest(stored, folder, step))) is not None:
        if isinstance(candidate, Problem):
            raise _end(candidate, rank_info)
        mine = _obtain(candidate, stored, folder, keep) if rank_info.local_rank == 0 else None
        problems = [problem for problem in gathered(mine) if problem is not None]
        if not problems:
            return folder / checkpoint.name_of(candidate.step), damaged
        if failed := [problem for problem in problems if problem.kind == "failed"]:
            raise _end(failed[0], rank_info)
        # prune passes it over too, so that it takes the place of no whole one.
        stored.passed.add(candidate.name)
        damaged |= any(problem.kind == "damaged" for problem in problems)
        if rank_info.leads:
            print(f"torchferry: {problems[0].text}; trying the checkpoint before it", file=sys.stderr, flush=True)
    return None, damaged


def _end(problem: Problem, rank_info: RankInfo) -> RunFailed:
    """For all ranks alike; one of them says why."""
    return RunFailed(f"{problem.text}; the same command tries again") if rank_info.leads else RunFailed()


def _newest(stored: RemoteRun, folder: Path, step: int | None) -> Candidate | Problem | None:
    """Of equal steps the store's: it is uploaded before it gets its name here."""
    try:
        found = [Candidate(name, step_of(name), None) for name in stored.checkpoints()]
    except StoreError as error:
        return Problem("failed", f"{error}")
    for path in checkpoint.newest_first(folder):
        text = (path / "checksums.json").read_text() if (path / "checksums.json").is_file() else ""
        found.append(Candidate(path.name, int(path.name.removeprefix("step-")), text))
    left = [each for each in found if each.name not in stored.passed and step in (None, each.step)]
    return max(left, key=lambda each: (each.step, order(each.name)), default=None)


def _obtain(candidate: Candidate, stored: RemoteRun, folder: Path, keep: int) -> Problem | None:
    """Make the candidate a checkpoint in this node's folder, if it is not there."""
    try:
        there = stored.checkpoint(candidate.name)
        target = folder / checkpoint.name_of(candidate.step)
        checksums = candidate.checksums if candidate.checksums is not None else there.checksums()
        if checksums is None:
            return Problem("unfinished", f"{there.url}: is not a complete checkpoint")
        if _holds(target, checksums):
            return None
        if candidate.checksums is not None:
            checkpoint.read_progress(target)  # says what is wrong with it
            raise UserError(f"{target}: is not the same on all nodes, and not in the store")
        written = folder / f".{target.name}.{uuid.uuid4().hex}"
        try:
            there.get(checksums, written)
            (written / "checksums.json").write_text(checksums)
            flush(written / "checksums.json")
            flush(written)
            if not _holds(target, checksums):  # nodes that do share a folder fetch at the same time
                checkpoint.give_name(written, target)
        finally:
            shutil.rmtree(written, ignore_errors=True)
        checkpoint.prune(folder, keep, target)
    except UserError as error:
        return Problem("damaged", str(error))
    except OSError as error:
        return Problem("failed", f"{candidate.name} cannot be fetched: {error}")
    return None


def _holds(target: Path, checksums: str) -> bool:
    """Whether this very checkpoint lies there, undamaged."""
    try:
        if (target / "checksums.json").read_text() != checksums:
            return False
        checkpoint.read_progress(target)
    except (OSError, UserError):
        return False
    return True


def _return_files(found: Path, run_dir: Path) -> None:
    """The run's small files as they were at the checkpoint, unless what lies there goes on from them."""
    for name in RUN_FILES:
        if not (found / name).is_file():
            continue
        saved, there = (found / name).read_bytes(), run_dir / name
        # metrics.jsonl and attempts.jsonl only grow: what begins with the saved text is newer.
        if not there.is_file() or not there.read_bytes().startswith(saved):
            written = run_dir / f".{name}.put-back"
            written.write_bytes(saved)
            written.replace(there)
