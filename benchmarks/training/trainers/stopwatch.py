"""The clock of a trainer beside ours: it starts after the warm-up, with nothing left to do on the device."""

import json
import os
import time

import torch

from torchferry.benchmarks.training.trainers.job import Job


class Stopwatch:
    def __init__(self, job: Job) -> None:
        self.job, self.done = job, 0
        self.first_loss, self.started = torch.zeros(()), 0.0

    def step(self, loss: torch.Tensor) -> None:
        """An optimizer step was taken (or is under way on the device); after the last one the result is written."""
        self.done += 1
        if self.done == 1:
            self.first_loss = loss.detach()
        if self.done == self.job.warmup:
            self.started = self._now()
        if self.done == self.job.warmup + self.job.steps:
            self._write(self._now() - self.started)

    def _now(self) -> float:
        if self.job.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def _write(self, seconds: float) -> None:
        if os.environ["RANK"] == "0":
            rate = self.job.steps * self.job.batch_size / seconds
            self.job.result.write_text(
                json.dumps({"samples_per_second": rate, "first_loss": self.first_loss.item()}) + "\n"
            )
