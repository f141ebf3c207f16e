"""Lightning Fabric, as its documentation converts a PyTorch loop.

    torchrun --standalone --nproc-per-node 2 -m torchferry.benchmarks.training.trainers.fabric \
        --model digits --batch-size 64 --warmup 50 --steps 200 --result fabric.json
"""

import os
from itertools import islice

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from torchferry.benchmarks.training.trainers.job import forever, optimizer, parse, parts
from torchferry.benchmarks.training.trainers.stopwatch import Stopwatch


def main() -> None:
    job = parse()
    fabric = Fabric(
        accelerator=job.device.type,
        devices=int(os.environ["LOCAL_WORLD_SIZE"]),
        strategy=DDPStrategy(gradient_as_bucket_view=True),
        precision="bf16-mixed" if job.precision == "bf16" else "32-true",
    )
    fabric.launch()
    network, samples = parts(job)
    if job.compile:
        network = torch.compile(network)  # type: ignore[assignment]
    model, optim = fabric.setup(network, optimizer(job, network))
    loader = fabric.setup_dataloaders(DataLoader(samples, batch_size=job.share, shuffle=True, drop_last=True))
    stopwatch = Stopwatch(job)
    for images, truth in islice(forever(loader), job.warmup + job.steps):
        loss = cross_entropy(model(images.contiguous(memory_format=job.memory_format)), truth)
        optim.zero_grad()
        fabric.backward(loss)
        optim.step()
        stopwatch.step(loss)
    fabric.barrier()


if __name__ == "__main__":
    main()
