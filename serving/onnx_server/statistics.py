"""The sums that the statistics extension asks for, of one model version."""

import time
from collections import Counter

from serving.onnx_server.visit import Visit


class Statistics:
    def __init__(self) -> None:
        self.answered = self.failed = self.samples = 0
        self.nanoseconds: Counter[str] = Counter()
        """By stage, of the requests that were answered."""
        self.failed_nanoseconds = 0
        self.last_milliseconds = 0
        """Since the epoch, when a request was last answered."""

    def finished(self, visit: Visit, ok: bool) -> None:
        request = round(1e9 * (time.monotonic() - visit.started))
        if not ok:
            self.failed += 1
            self.failed_nanoseconds += request
            return
        self.answered += 1
        self.samples += visit.samples
        self.last_milliseconds = round(1000 * time.time())
        self.nanoseconds["request"] += request
        for stage, seconds in visit.stages().items():
            self.nanoseconds[stage] += round(1e9 * seconds)
