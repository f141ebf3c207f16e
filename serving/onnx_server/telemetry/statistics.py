"""The sums that the statistics extension asks for, of one model version."""

import time
from collections import defaultdict

from torchferry.serving.onnx_server.request_context import RequestContext


class Statistics:
    def __init__(self) -> None:
        self.answered = self.failed = self.samples = 0
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """By stage, of the requests that were answered."""
        self.failed_seconds = 0.0
        self.last_answer = 0.0
        """Seconds since the epoch, when a request was last answered."""

    def finished(self, context: RequestContext, ok: bool) -> None:
        request = time.monotonic() - context.started
        if not ok:
            self.failed += 1
            self.failed_seconds += request
            return
        self.answered += 1
        self.samples += context.samples
        self.last_answer = time.time()
        self.seconds["request"] += request
        for stage, seconds in context.stages().items():
            self.seconds[stage] += seconds
