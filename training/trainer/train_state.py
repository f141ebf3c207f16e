"""The training state that a checkpoint holds, and how it is restored.

Model, optimizer, schedule, loss scale and moving average are the same on every rank; random generators,
what a communication hook keeps and the sums since the last report are each rank's own.
"""

import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint import CheckpointException
from torch.distributed.checkpoint._nested_dict import flatten_state_dict
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.optim.lr_scheduler import LRScheduler

from torchferry.errors import UserError
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.checkpoint_reader import CheckpointReader
from torchferry.training.config.instantiate import one_line
from torchferry.training.distributed.process_group import RankInfo, share_buffers
from torchferry.training.progress import Progress
from torchferry.training.state import _Kept
from torchferry.training.trainer.train_step import Step


def collect(step: Step, rank_info: RankInfo, sums: torch.Tensor) -> dict[str, Any]:
    """For torch.distributed.checkpoint; tensors are the run's own, not copies."""
    # Each rank's BatchNorm has seen its own share; the next forward pass would take the leading rank's anyway.
    share_buffers(step.model.module)
    model, optimizer = get_state_dict(step.model, step.optimizer)
    state = {
        "model": model,
        "optimizer": optimizer,
        "schedule": _Kept(step.scheduler.state_dict()),
        "scaler": step.scaler.state_dict(),
        "skipped": step.guard.skipped,
        f"rank{rank_info.rank}": _own(step, rank_info, sums),
    }
    if step.ema is not None:
        share_buffers(step.ema)
        state["ema"] = step.ema.state_dict()
    return state


def restore(
    path: Path, progress: Progress, step: Step, rank_info: RankInfo, sums: torch.Tensor, *, settings: bool = True
) -> None:
    """Put the checkpoint at `path` into `step`; every rank calls it.

    With another number of ranks than wrote it, what belongs to each rank starts anew. Without `settings` those of the
    optimizer, such as its learning rate, and the schedule stay the step's own; the schedule moves on to where the
    checkpoint stands. Raises UserError for a checkpoint of another model.
    """
    # dcp loads in place: it needs the run's own state as the form to fill.
    state = collect(step, rank_info, sums)
    own = f"rank{rank_info.rank}"
    if progress.world_size != rank_info.world_size:
        # Of another number of ranks, it may have no part of this rank's, or one that belonged to other samples.
        del state[own]
    # What is not in the form stays as it is.
    own_settings = None if settings else state["optimizer"].pop("param_groups")
    unused = _take_out_unused(path, state, step)
    _check_same(path, state)
    try:
        dcp.load(state, storage_reader=CheckpointReader(path))
        if own_settings is not None:
            state["optimizer"]["param_groups"] = own_settings
        state["optimizer"]["state"].update(unused)  # set_state_dict asks for all
        set_state_dict(step.model, step.optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"])
    except dist.DistBackendError:
        raise  # a rank that has gone says nothing about whose checkpoint it is
    except (Exception, CheckpointException) as error:  # a checkpoint of another model may raise anything
        for refused, _ in error.failures.values() if isinstance(error, CheckpointException) else ():
            if isinstance(refused, UserError):  # what its reader says of a file
                raise refused from error
        raise UserError(f"{path}: cannot be put into this run: {one_line(error)}") from error
    for name in unused:
        del step.optimizer.state[step.model.module.get_parameter(name)]
    if settings:
        step.scheduler.load_state_dict(state["schedule"].content)
    else:
        _move_on(step.scheduler, progress.step if step.schedule_by_step else progress.epoch)
    step.scaler.load_state_dict(state["scaler"])
    step.guard.skipped.copy_(state["skipped"])
    if step.ema is not None:
        step.ema.load_state_dict(state["ema"])
    if own in state:
        _put_back(state[own], step, rank_info, sums)


def _move_on(scheduler: LRScheduler, steps: int) -> None:
    with warnings.catch_warnings(action="ignore"):  # that the optimizer takes no steps meanwhile
        for _ in range(steps):
            scheduler.step()


def seed_everything(seed: int) -> None:
    """Python's, numpy's and torch's generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # numpy takes no more than 32 bits
    torch.manual_seed(seed)


def _own(step: Step, rank_info: RankInfo, sums: torch.Tensor) -> dict[str, Any]:
    own: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state(),
        "sums": sums,
    }
    if rank_info.device.type == "cuda":
        own["cuda"] = torch.cuda.get_rng_state(rank_info.device)
    if step.comm_state is not None:
        own["comm"] = _Kept(step.comm_state.__getstate__())
    return own


def _put_back(own: dict[str, Any], step: Step, rank_info: RankInfo, sums: torch.Tensor) -> None:
    random.setstate(own["python"])
    np.random.set_state(own["numpy"])
    torch.set_rng_state(own["torch"])
    if "cuda" in own:
        torch.cuda.set_rng_state(own["cuda"], rank_info.device)
    sums.copy_(own["sums"])
    if "comm" in own:
        # __setstate__ puts the default group in the place of the one it had.
        group = step.comm_state.process_group  # type: ignore[attr-defined]  # PowerSGDState's
        step.comm_state.__setstate__(own["comm"].content)  # type: ignore[attr-defined]
        step.comm_state.process_group = group  # type: ignore[attr-defined]


def _take_out_unused(path: Path, state: dict[str, Any], step: Step) -> dict[str, Any]:
    """The optimizer's state of parameters that had no gradient yet when the checkpoint was written, so it has none."""
    entries = state["optimizer"]["state"]
    if not step.model.find_unused_parameters:
        return {}
    saved = checkpoint.shapes(path)
    without = [name for name in entries if not any(each.startswith(f"optimizer.state.{name}.") for each in saved)]
    if len(without) == len(entries):  # it is another optimizer's
        return {}
    return {name: entries.pop(name) for name in without}


def _check_same(path: Path, state: dict[str, Any]) -> None:
    saved, wanted = checkpoint.shapes(path), flatten_state_dict(state)[0]
    extra = [name for name in saved if name.startswith("model.") and name not in wanted]
    if extra:
        raise UserError(f"{path}: is of another model, which has {extra[0]} as well")
    for name, value in wanted.items():
        if name not in saved:
            raise UserError(f"{path}: is of another model or recipe: it has no {name}")
        shape = tuple(value.shape) if isinstance(value, torch.Tensor) else None
        if saved[name] != shape:
            theirs, ours = (list(size) if size is not None else "no tensor" for size in (saved[name], shape))
            raise UserError(f"{path}: is of another model: its {name} is {theirs}, this one's is {ours}")
