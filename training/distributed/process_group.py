"""Enter and leave the process group: which rank this is, and on which device it computes."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

from torchferry.errors import StoreError, StoreRefused, UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.distributed.cause import leave_word, word_was_left
from torchferry.training.distributed.launch_variables import read_place
from torchferry.training.distributed.rendezvous import fresh_store
from torchferry.training.errors import RankError, RunFailed, SaidElsewhere


@dataclass(frozen=True)
class RankInfo:
    """This process among the others."""

    rank: int
    world_size: int
    device: torch.device
    local_rank: int
    """Among those of its node."""
    one_node: bool
    """Whether all ranks are on this one."""

    @property
    def leads(self) -> bool:
        """Whether this is the one rank that writes files and talks."""
        return self.rank == 0


def rank_info_of(environ: Mapping[str, str]) -> RankInfo:
    """Where torchrun's variables put this process; alone, without them.

    One GPU per process where the machine has that many, the CPU otherwise. Raises UserError for variables that are
    half set, and for another launcher's.
    """
    place = read_place(environ)
    on_gpu = torch.cuda.device_count() >= place.local_world_size
    return RankInfo(
        rank=place.rank,
        world_size=place.world_size,
        device=torch.device("cuda", place.local_rank) if on_gpu else torch.device("cpu"),
        local_rank=place.local_rank,
        one_node=place.local_world_size == place.world_size,
    )


@contextmanager
def process_group(rank_info: RankInfo, timeout_seconds: float = 600) -> Iterator[None]:
    """NCCL for tensors on GPUs, Gloo for those on the CPU. A rank waits for another for `timeout_seconds`.

    A UserError that ends one rank becomes SaidElsewhere on those that only lose their connection to it.

    A process alone gets a group of one, so that nothing else has to ask whether there is a group.
    """
    backend = "gloo"
    if rank_info.device.type == "cuda":
        torch.cuda.set_device(rank_info.device)
        backend = "cpu:gloo,cuda:nccl"  # flags and pickled objects stay on the CPU
    timeout = timedelta(seconds=timeout_seconds)
    store: dist.Store | None = None
    if rank_info.world_size == 1:
        # A store within this process needs no port.
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    elif (store := fresh_store(os.environ, rank_info.rank, rank_info.world_size, timeout)) is not None:
        dist.init_process_group(
            backend, store=store, rank=rank_info.rank, world_size=rank_info.world_size, timeout=timeout
        )
    else:
        dist.init_process_group(backend, timeout=timeout)
    orderly = False
    try:
        yield
        orderly = True
    except UserError as error:
        if not leave_word(store, rank_info.rank, str(error)) and isinstance(error, RankError):
            raise SaidElsewhere(str(error)) from error
        raise
    except Exception as error:
        if why_ranks_parted(error) is not None and word_was_left(store):
            raise SaidElsewhere(one_line(error)) from error
        raise
    finally:
        # After an error on one rank the others may be inside a collective, and leaving the group in good order
        # would wait for them.
        if orderly:
            dist.destroy_process_group()


Result = TypeVar("Result")


def from_the_leader(rank_info: RankInfo, action: Callable[[], Result]) -> Result:
    """What `action` gives on the leading rank, on every rank; all of them call it, and it can be pickled.

    A UserError of it is raised on all ranks, so that none waits for one that has gone; so is what the disk
    refuses, as one, and a store that fails, as RunFailed.
    """
    answer: list[tuple[Result | None, UserError | RunFailed | None]] = [(None, None)]
    if rank_info.leads:
        try:
            answer = [(action(), None)]
        except UserError as error:
            # A plain one, since it is pickled for the other ranks.
            answer = [(None, UserError(str(error)))]
        except StoreError as error:
            answer = [(None, of_store(error))]
        except OSError as error:
            answer = [(None, UserError(f"{error.filename or 'the disk'}: {error.strerror or error}"))]
    dist.broadcast_object_list(answer)
    result, failure = answer[0]
    if isinstance(failure, RunFailed) and not rank_info.leads:
        raise RunFailed  # the leading rank says why
    if failure is not None:
        raise failure
    return result  # type: ignore[return-value]  # None only if that is what `action` gives


def of_store(error: StoreError) -> UserError | RunFailed:
    """Where another try would not help, it is the user's input; else the run failed."""
    if isinstance(error, StoreRefused):
        return UserError(str(error))
    return RunFailed(f"{error}; the same command tries again")


def on_the_leader(rank_info: RankInfo, action: Callable[[], Result], otherwise: Result) -> Result:
    """As `from_the_leader`, for something that cannot travel: the other ranks get `otherwise`."""
    results = [otherwise]
    from_the_leader(rank_info, lambda: results.__setitem__(0, action()))
    return results[0]


def gathered(mine: Result) -> list[Result]:
    """What every rank gives, on every rank; all of them call it."""
    everyone: list[Result] = [mine] * dist.get_world_size()
    dist.all_gather_object(everyone, mine)
    return everyone


def cpu_group(timeout_seconds: float) -> dist.ProcessGroup:
    """All ranks over Gloo, apart from every other group; every rank calls it."""
    # It would not take over the timeout of the main group.
    group = dist.new_group(backend="gloo", timeout=timedelta(seconds=timeout_seconds))
    assert isinstance(group, dist.ProcessGroup)  # every rank is a member
    return group


def why_ranks_parted(error: Exception) -> str | None:
    """One line, if `error` is what a rank gets because another has ended or is out of reach."""
    # Gloo raises a bare RuntimeError that names its own source file.
    gloo = isinstance(error, RuntimeError) and "/gloo/" in str(error)
    return one_line(error) if gloo or isinstance(error, dist.DistError) else None


def share_buffers(model: nn.Module) -> None:
    """Give every rank the leading rank's buffers: BatchNorm's statistics come from each rank's own share."""
    for buffer in model.buffers():
        dist.broadcast(buffer, 0)
