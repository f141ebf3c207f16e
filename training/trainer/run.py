"""A run from its resolved recipe to its complete folder: build, start or go on, train, leave the results."""

import contextlib
import math
import os
import sys
import time

import torch
from prometheus_client import CollectorRegistry

from torchferry import run_folder
from torchferry.errors import UserError
from torchferry.malloc import keep_freed_memory
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.async_saver import Saver
from torchferry.training.checkpointing.download import download_best, download_newest, resumed
from torchferry.training.checkpointing.held_run import HeldRun, held
from torchferry.training.checkpointing.keep_finished import keep_finished
from torchferry.training.checkpointing.record import as_begun, known_before, saved_before
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.checkpointing.resume import Start, enter, find_start
from torchferry.training.checkpointing.shared_folder import check_shared, enter_on_each
from torchferry.training.config.recipe import STORE_URL, Recipe
from torchferry.training.distributed.process_group import (
    cpu_group,
    from_the_leader,
    gathered,
    on_the_leader,
    process_group,
    rank_info_of,
)
from torchferry.training.distributed.signals import Requests, Stopped
from torchferry.training.errors import NotFinite, RunFailed
from torchferry.training.evaluation import Evaluation, evaluate
from torchferry.training.telemetry.meter import Meter
from torchferry.training.telemetry.profiler import Profile
from torchferry.training.telemetry.prometheus import TrainMetrics
from torchferry.training.telemetry.report import in_words
from torchferry.training.telemetry.reporters import NullReporter, RankZeroReporter, Reporter
from torchferry.training.telemetry.sample_log import NoSampleLog, SampleLog
from torchferry.training.trainer.build import Run, build_run
from torchferry.training.trainer.check_result import check_result
from torchferry.training.trainer.compare_start import compare_start
from torchferry.training.trainer.finite_numbers import FiniteNumbers
from torchferry.training.trainer.loop import Loop
from torchferry.training.trainer.results import leave_results
from torchferry.training.trainer.train_state import restore, seed_everything
from torchferry.training.trainer.wrap_ddp import assemble


def run(recipe: Recipe) -> int:
    """Train as `recipe` says and fill its run folder; returns 0, or 128 and the signal that ended it after a save.

    Raises UserError: for the recipe before anything is written, later for what only training shows; RunFailed where the
    disk or the store fails.
    """
    if recipe.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read by cuBLAS when it starts
    rank_info = rank_info_of(os.environ)
    if recipe.step.keep_freed_memory and rank_info.device.type == "cpu":
        keep_freed_memory()
    url = recipe.checkpoint.store
    stored = RemoteRun(ObjectStore(url), recipe.name) if url is not None else None
    given = RemoteRun.at(recipe.resume) if STORE_URL.fullmatch(recipe.resume) else None
    saved = saved_before(recipe, stored, given)
    recipe = as_begun(recipe, saved)
    parts = build_run(recipe, rank_info, known_before(saved))
    with process_group(parts.rank_info, recipe.distributed.timeout_seconds):
        if recipe.dry_run:
            _try_one_step(parts)
            return 0
        try:
            with contextlib.ExitStack() as ends:
                with held(recipe.run_dir, stored, parts.rank_info) as holds:
                    loop = _train(parts, stored, given, holds, ends)
                if loop is not None:  # nothing is written any more, so the folder is another's to hold
                    loop.meter.telemetry.linger(lambda: loop.requests.stop != 0)
        except Stopped as stopped:
            if parts.rank_info.leads:
                print(
                    f"{recipe.name}: {stopped}, saved at step {parts.progress.step}; the same command goes on",
                    flush=True,
                )
            return 128 + stopped.number
    return 0


def _train(
    parts: Run, stored: RemoteRun | None, given: RemoteRun | None, holds: HeldRun, ends: contextlib.ExitStack
) -> Loop | None:
    """The loop, with its telemetry open until `ends`; None for a run that was finished."""
    rank_info, started = parts.rank_info, time.perf_counter()
    if (loop := _begin(parts, stored, given, holds)) is None:
        return None
    telemetry = ends.enter_context(contextlib.closing(loop.meter.telemetry))
    with contextlib.closing(loop.profile):
        result = loop.train()
        if parts.recipe.checkpoint.export == "best":
            result = _take_best(loop, stored) or result
        loop.settle()
        if parts.test is not parts.evaluation:
            result = loop.test()
    telemetry.finish(done=True)  # the pictures are drawn of its files
    if rank_info.leads:
        holds.check()
        _finish(parts, loop, result, stored, started)
    return loop


def _begin(parts: Run, stored: RemoteRun | None, given: RemoteRun | None, holds: HeldRun) -> Loop | None:
    """The loop where the run stands now, in its folder; None for a run that was finished."""
    recipe, rank_info, folder = parts.recipe, parts.rank_info, parts.recipe.run_dir
    downloaded = download_newest(stored, folder, rank_info, recipe.checkpoint.keep) if stored is not None else None
    with resumed(given, downloaded, folder, rank_info) as fetched:
        start = from_the_leader(rank_info, lambda: find_start(recipe, os.environ, stored, downloaded, fetched))
        if stored is not None:
            stored.attempt = start.began
        parts.progress = start.progress
        fingerprint = compare_start(parts, start)
        _check_same_epoch(parts)
        # `ended` as well: with more epochs than before a finished run goes on.
        if not (start.finished and parts.ended):
            return _prepare(parts, start, stored, holds, fingerprint)
    if rank_info.leads:
        _upload(parts, stored)
        where = folder if stored is None else stored.url
        print(f"{recipe.name}: is finished, at step {parts.progress.step}; in {where}", flush=True)
    return None


def _finish(parts: Run, loop: Loop, result: Evaluation, stored: RemoteRun | None, started: float) -> None:
    """Leave the results in the run folder and the store, and say them; then old checkpoints are of no more use."""
    recipe, folder, step = parts.recipe, parts.recipe.run_dir, parts.progress.step
    try:
        leave_results(parts, loop.step.trained, result)
    except OSError as error:
        raise RunFailed(
            f"{folder}: cannot write the results ({error.strerror}); the same command tries again"
        ) from error
    _upload(parts, stored)
    print(
        f"{recipe.name}: {in_words(result.values, result.told)} on {result.samples} samples after {step} steps, "
        f"{time.perf_counter() - started:.1f} s; in {folder}",
        flush=True,
    )
    keep_finished(folder, recipe.checkpoint, parts.progress, stored)


def _upload(parts: Run, stored: RemoteRun | None) -> None:
    """The results, if there is a store and they are not in it."""
    try:
        if stored is not None and stored.finished_at() != parts.progress.step:
            stored.put_results(parts.recipe.run_dir)
    except OSError as error:
        raise RunFailed(f"{error}: cannot take the results; the same command tries again") from error


def _prepare(parts: Run, start: Start, stored: RemoteRun | None, holds: HeldRun, fingerprint: str) -> Loop:
    """Everything that the loop uses, with the checkpoint's state in it if there is one; then the run folder."""
    recipe, rank_info, folder, stands_at = parts.recipe, parts.rank_info, parts.recipe.run_dir, start.progress.step
    requests = Requests(cpu_group(recipe.distributed.timeout_seconds), rank_info.world_size)
    step = assemble(parts)
    losses = torch.zeros(2, dtype=torch.float64, device=rank_info.device)
    # After the same initial weights everywhere, dropout differs between the ranks.
    seed_everything(recipe.seed + rank_info.rank + stands_at * rank_info.world_size)
    if start.checkpoint is not None:
        # After the seeding, because it puts the checkpoint's generators in place of these.
        restore(start.checkpoint, start.progress, step, rank_info, losses, settings=not start.given)
    numbers = FiniteNumbers(step, rank_info, stands_at)
    start.progress.world_size = rank_info.world_size
    null: Reporter = NullReporter()
    telemetry = on_the_leader(rank_info, lambda: _open_telemetry(parts, start), null)
    if stored is None:
        # After rank 0 has written the folder's config.yaml, which every rank looks for.
        check_shared(folder)
    else:
        enter_on_each(recipe, start, rank_info)
    log = SampleLog(folder, rank_info.rank) if recipe.metrics.sample_log else NoSampleLog()
    saver = Saver(
        folder=folder / run_folder.CHECKPOINTS,
        config=recipe.checkpoint,
        group=cpu_group(recipe.distributed.timeout_seconds),
        rank_info=rank_info,
        fingerprint=fingerprint,
        stored=stored,
        saved=telemetry.saved,
        failed=telemetry.save_failed,
        check=holds.check,
        newest=stands_at if start.checkpoint is not None else None,
    )
    guarded = recipe.step.skip_nonfinite > 0
    meter = Meter(rank_info, parts.order.batch_size, losses, telemetry, log, guarded=guarded)
    profile = Profile(recipe.profile, folder, rank_info.rank, stands_at)
    return Loop(
        run=parts, step=step, saver=saver, requests=requests, meter=meter, profile=profile, numbers=numbers, holds=holds
    )


def _open_telemetry(parts: Run, start: Start) -> Reporter:
    """Start the metrics endpoint, then enter the run folder; say what is about to run, and where."""
    recipe, rank_info, progress = parts.recipe, parts.rank_info, start.progress
    # Before `enter`: a host that is none must leave no trace in the run folder.
    metrics = TrainMetrics(recipe.metrics, recipe.name, rank_info.world_size, start.restarts, CollectorRegistry())
    metrics.validates = parts.test is not parts.evaluation
    enter(recipe, start, rank_info.world_size)
    print(
        f"{recipe.name}: {rank_info.world_size} x {rank_info.device.type}, {parts.source.train_size} training "
        f"and {parts.source.test_size} test samples, {recipe.epochs} epochs of {len(parts.order)} steps"
        + (f"; metrics on {metrics.url}" if metrics.url else "")
        + (f"; goes on after step {progress.step} of {start.where}" if start.checkpoint else ""),
        flush=True,
    )
    for note in parts.source.notes:
        print(f"{recipe.name}: {note}", flush=True)
    return RankZeroReporter(recipe.run_dir, metrics, progress, total=parts.total_steps, epochs=recipe.epochs)


def _check_same_epoch(parts: Run) -> None:
    """Raises UserError where a run that stands inside an epoch would find another epoch there."""
    progress, order = parts.progress, parts.order
    before, now = (progress.samples, progress.batch_size), (order.samples, order.batch_size)
    # At an epoch's beginning nothing of the old order is left to go on with.
    if progress.batch > 0 and before != now:
        raise UserError(
            f"data: the checkpoint stands inside an epoch of {before[0]} samples in batches of {before[1]}; "
            f"now there are {now[0]} in batches of {now[1]}"
        )
    progress.samples, progress.batch_size = now


def _take_best(loop: Loop, stored: RemoteRun | None) -> Evaluation | None:
    """Put the best checkpoint's weights in, unless they are those at the end; returns its evaluation."""
    run, step = loop.run, loop.run.progress.best_step
    if stored is None:
        folder = run.recipe.run_dir / run_folder.CHECKPOINTS
        named = folder / checkpoint.name_of(step)  # a kill may have come before `best` was moved to it
        path = named if named.is_dir() else checkpoint.best(folder)
    else:
        keep = run.recipe.checkpoint.keep
        path = (
            download_best(stored, run.recipe.run_dir, run.rank_info, keep, step) if step != run.progress.step else None
        )
    if path is None and step not in (-1, run.progress.step) and run.rank_info.leads:
        said = f"checkpoint.export: the best checkpoint, of step {step}, was not kept; model/ gets the last weights"
        print(f"torchferry: {said}", file=sys.stderr, flush=True)
    if path is None or (progress := checkpoint.read_progress(path)).step == run.progress.step:
        return None
    restore(path, progress, loop.step, run.rank_info, loop.meter.losses)
    FiniteNumbers(loop.step, run.rank_info, step)
    return loop.evaluation(saved=True)


def _try_one_step(parts: Run) -> None:
    """For --dry_run: the first step and an evaluation, without a trace on the disk."""
    step = assemble(parts)
    seed_everything(parts.recipe.seed + parts.rank_info.rank)
    loss, _ = step(parts.feed.epoch(0, 0), 0, measure=False)
    total = sum(gathered(loss.item()))
    if not math.isfinite(total):
        raise NotFinite.of_loss(total, 1)
    result = evaluate(step.trained, parts.evaluation, parts.task, parts.rank_info)
    note = check_result(result, parts.recipe, 1)
    if parts.rank_info.leads:
        print(
            f"{parts.recipe.name}: a step over {parts.order.batch_size} samples gives loss {loss.item():.4f}, and then "
            f"{in_words(result.values, result.told, result.split)}; nothing was written"
            + (f"; {note}" if note else ""),
            flush=True,
        )
