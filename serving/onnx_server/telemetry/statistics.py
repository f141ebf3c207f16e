"""The sums that the statistics extension asks for, of one model version.

As in histogram.py a request goes on a list, and some hundred are added up at a time. For one thread only.
"""

import time
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from torchferry.serving.onnx_server.request_context import STAGES, RequestContext

AT_ONCE = 512


class Statistics:
    def __init__(self) -> None:
        self.answered = self.failed = self.samples = 0
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """By stage, of the requests that were answered, up to those that are still `new`."""
        self.failed_seconds = 0.0
        self.last_answer = 0.0
        """Seconds since the epoch, when a request was last answered."""
        self.new: list[Sequence[float]] = []
        """From arrival to end and by stage, of those that passed all."""

    def finished(self, context: RequestContext, ok: bool) -> None:
        if not ok:
            self.failed += 1
            self.failed_seconds += context.seconds
            return
        self.answered += 1
        self.samples += context.samples
        self.last_answer = time.time()
        passed = context.stages()
        if len(passed) == len(STAGES):
            self.new.append((context.seconds, *passed))
            if len(self.new) >= AT_ONCE:
                self.add_up()
        else:
            self._add((context.seconds, *passed))

    def add_up(self) -> None:
        """All that is new; whoever reads the sums asks for it first."""
        if self.new:
            self._add(np.sum(self.new, axis=0).tolist())
            self.new.clear()

    def _add(self, sums: Sequence[float]) -> None:
        for stage, seconds in zip(("request", *STAGES), sums, strict=False):
            self.seconds[stage] += seconds
