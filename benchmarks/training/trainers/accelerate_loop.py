"""Hugging Face accelerate, as its documentation converts a PyTorch loop.

    torchrun --standalone --nproc-per-node 2 -m torchferry.benchmarks.training.trainers.accelerate_loop \
        --model digits --batch-size 64 --warmup 50 --steps 200 --result accelerate.json
"""

from itertools import islice

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from torchferry.benchmarks.training.trainers.job import forever, optimizer, parse, parts
from torchferry.benchmarks.training.trainers.stopwatch import Stopwatch


def main() -> None:
    job = parse()
    accelerator = Accelerator(
        cpu=job.device.type == "cpu",
        mixed_precision="bf16" if job.precision == "bf16" else "no",
        kwargs_handlers=[DistributedDataParallelKwargs(gradient_as_bucket_view=True)],
    )
    network, samples = parts(job)
    if job.compile:
        network = torch.compile(network)  # type: ignore[assignment]
    loader = DataLoader(samples, batch_size=job.share, shuffle=True, drop_last=True)
    model, optim, loader = accelerator.prepare(network, optimizer(job, network), loader)
    stopwatch = Stopwatch(job)
    for images, truth in islice(forever(loader), job.warmup + job.steps):
        loss = cross_entropy(model(images.contiguous(memory_format=job.memory_format)), truth)
        optim.zero_grad()
        accelerator.backward(loss)
        optim.step()
        stopwatch.step(loss)
    accelerator.end_training()


if __name__ == "__main__":
    main()
