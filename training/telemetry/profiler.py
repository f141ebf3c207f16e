"""A trace of some steps for chrome://tracing or Perfetto: `trace-<rank>.json` in the run folder."""

from pathlib import Path

from torch.profiler import ProfilerActivity, profile, supported_activities

from torchferry import run_folder
from torchferry.training.config.recipe import ProfileConfig


class Profile:
    def __init__(self, config: ProfileConfig, run_dir: Path, rank: int, step: int) -> None:
        """`step` are the optimizer steps that were taken before."""
        self.first, self.last = config.first_step, config.first_step + config.steps - 1
        self.file = run_dir / run_folder.TRACE.format(rank=rank)
        self.profiler: profile | None = None
        self.stepped(step)

    def stepped(self, step: int) -> None:
        """Optimizer step `step` is over."""
        if self.profiler is not None and step >= self.last:
            self.close()
        elif self.profiler is None and self.first <= step + 1 <= self.last:
            activities = supported_activities() & {ProfilerActivity.CPU, ProfilerActivity.CUDA}
            self.profiler = profile(activities=activities)
            self.profiler.start()

    def close(self) -> None:
        if self.profiler is not None:
            self.profiler.stop()
            self.profiler.export_chrome_trace(str(self.file))
            self.profiler = None
