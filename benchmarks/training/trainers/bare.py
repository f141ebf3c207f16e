"""A bare DistributedDataParallel loop: it trains and does nothing else.

No report, no save, no evaluation; batches come from tensors that lie on the device, one indexing each.

    torchrun --standalone --nproc-per-node 2 -m torchferry.benchmarks.training.trainers.bare \
        --model digits --batch-size 64 --warmup 50 --steps 200 --result bare.json
"""

from collections.abc import Iterator
from itertools import islice

import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import TensorDataset

from torchferry.benchmarks.training.trainers.job import Job, forever, optimizer, parse, parts
from torchferry.benchmarks.training.trainers.stopwatch import Stopwatch


def main() -> None:
    job = parse()
    on_gpu = job.device.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(job.device)
        torch.backends.cudnn.benchmark = True  # as our trainer does, and whoever wants speed
    dist.init_process_group("nccl" if on_gpu else "gloo")
    train(job)  # its own function, so that DDP is gone before the group it uses
    dist.barrier()
    dist.destroy_process_group()


def train(job: Job) -> None:
    network, samples = parts(job)
    model = DistributedDataParallel(
        network.to(job.device),
        device_ids=[job.device] if job.device.type == "cuda" else None,
        gradient_as_bucket_view=True,
    )
    if job.compile:
        model = torch.compile(model)  # type: ignore[assignment]
    optim = optimizer(job, model)
    batches, stopwatch = forever(Epoch(job, samples)), Stopwatch(job)
    for images, truth in islice(batches, job.warmup + job.steps):
        with torch.autocast(job.device.type, torch.bfloat16, enabled=job.precision == "bf16"):
            loss = cross_entropy(model(images), truth)
        optim.zero_grad()
        loss.backward()
        optim.step()
        stopwatch.step(loss)


class Epoch:
    """This process's share of every batch; each pass has another order, the same one in every process."""

    def __init__(self, job: Job, samples: TensorDataset) -> None:
        self.images, self.truth = (tensor.to(job.device) for tensor in samples.tensors)
        if job.channels_last:
            self.images = self.images.contiguous(memory_format=torch.channels_last)
        self.batch_size, self.share = job.batch_size, job.share
        self.generator = torch.Generator(job.device).manual_seed(0)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = torch.randperm(len(self.truth), device=self.truth.device, generator=self.generator)
        first = dist.get_rank() * self.share
        for start in range(0, len(order) - self.batch_size + 1, self.batch_size):
            mine = order[start + first : start + first + self.share]
            yield self.images[mine], self.truth[mine]


if __name__ == "__main__":
    main()
