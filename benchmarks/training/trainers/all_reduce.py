"""All processes add up one tensor: whether the sum is right, and how fast it is.

torchrun --standalone --nproc-per-node 2 -m torchferry.benchmarks.training.trainers.all_reduce RESULT BYTES
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

TIMES = 20


def main(result: Path, size: int) -> None:
    local, ranks = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    on_gpu = torch.cuda.device_count() >= ranks
    device = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo")
    found = measure(device, size)
    if dist.get_rank() == 0:
        version = torch.cuda.nccl.version() if on_gpu else ()
        result.write_text(json.dumps({"backend": dist.get_backend(), "nccl": ".".join(map(str, version)), **found}))
    dist.barrier()
    dist.destroy_process_group()


def measure(device: torch.device, size: int) -> dict[str, float | bool]:
    """`bytes_per_second` is the tensor's size over the time of one sum, as nccl-tests' algbw."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    values = torch.full((max(1, size // 4),), rank + 1.0, device=device)
    dist.all_reduce(values)  # the first one also connects
    right = bool((values == ranks * (ranks + 1) / 2).all())
    started = _now(device)
    for _ in range(TIMES):
        dist.all_reduce(values)
    seconds = (_now(device) - started) / TIMES
    return {"right": right, "ranks": ranks, "seconds": seconds, "bytes_per_second": values.nbytes / seconds}


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
