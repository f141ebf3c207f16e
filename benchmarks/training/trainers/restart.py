"""The least that torchrun can restart: it enters the process group, says when, and waits to be killed.

torchrun --standalone --nproc-per-node 2 --max-restarts 3 -m torchferry.benchmarks.training.trainers.restart FILE
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist


def main(file: Path) -> None:
    on_gpu = torch.cuda.device_count() >= int(os.environ["LOCAL_WORLD_SIZE"])
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    dist.init_process_group("nccl" if on_gpu else "gloo", store=_store_of_this_attempt(), rank=rank, world_size=size)
    if rank == 0:
        with file.open("a") as lines:
            # In the shape of our trainer's metrics.jsonl, so that both are read alike.
            lines.write(json.dumps({"kind": "train", "time": time.time(), "step": 0}) + "\n")
    while True:
        time.sleep(1)


def _store_of_this_attempt() -> dist.Store:
    """The agent's store outlives a restart, and without a prefix Gloo finds the addresses of the dead in it."""
    agent = dist.TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
    return dist.PrefixStore(f"attempt-{os.environ['TORCHELASTIC_RESTART_COUNT']}", agent)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
