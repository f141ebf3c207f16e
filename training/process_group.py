"""Enter and leave the process group: which rank this is, and on which device it computes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Place:
    """This process among the others."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this is the one rank that writes files and talks."""
        return self.rank == 0


def place_of(environ: Mapping[str, str]) -> Place:
    """Where torchrun's variables put this process; alone, without them.

    One GPU per process where the machine has that many, the CPU otherwise.
    """
    local_rank = int(environ.get("LOCAL_RANK", 0))
    on_gpu = torch.cuda.device_count() >= int(environ.get("LOCAL_WORLD_SIZE", 1))
    return Place(
        rank=int(environ.get("RANK", 0)),
        world_size=int(environ.get("WORLD_SIZE", 1)),
        device=torch.device("cuda", local_rank) if on_gpu else torch.device("cpu"),
    )


@contextmanager
def process_group(place: Place) -> Iterator[None]:
    """NCCL for tensors on GPUs, Gloo for those on the CPU.

    A process alone gets a group of one, so that nothing else has to ask whether there is a group.
    """
    backend = "gloo"
    if place.device.type == "cuda":
        torch.cuda.set_device(place.device)
        backend = "cpu:gloo,cuda:nccl"
    if place.world_size > 1:
        dist.init_process_group(backend)
    else:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    yield
    # Not in a `finally`: after an error on one rank the others may be inside a collective, and
    # leaving the group in good order would wait for them.
    dist.destroy_process_group()
