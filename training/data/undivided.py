"""Data sets that divide themselves by rank or loader process, as WebDataset's splitters do, made to give all they have.

The trainer deals out samples by itself, so a set that takes its own part would lose the others' without a word. Each
process is told that it is the only one.
"""

import contextlib
import os
from collections.abc import Iterator

import torch.distributed as dist
from torch.utils.data._utils import worker as loader_process

ALONE = {
    **dict.fromkeys(("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK"), "0"),
    **dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE"), "1"),
    **dict.fromkeys(("SLURM_PROCID", "SLURM_LOCALID", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"), "0"),
    **dict.fromkeys(("SLURM_NTASKS", "SLURM_NPROCS", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"), "1"),
    **dict.fromkeys(("PMI_RANK", "PMIX_RANK"), "0"),
    "PMI_SIZE": "1",
}
"""What torchrun, SLURM and MPI say to a process that is the only one."""


@contextlib.contextmanager
def as_the_only_rank() -> Iterator[None]:
    """For what is built and read before there is a process group."""
    before = {name: os.environ[name] for name in ALONE if name in os.environ}
    os.environ.update({name: ALONE[name] for name in before})
    try:
        yield
    finally:
        os.environ.update(before)


def become_the_only_process() -> None:
    """For the rest of a loader process's life; it forks from a rank, and inherits its process group."""
    os.environ.update({name: value for name, value in ALONE.items() if name in os.environ})
    loader_process._worker_info = None  # what get_worker_info() gives
    dist.GroupMember.WORLD = None  # so that is_initialized() is false
