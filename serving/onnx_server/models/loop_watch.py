"""A thread that ends a session's call in the event loop which takes too long: the loop itself cannot."""

import threading
import time

from torchferry.serving.session.onnx_session import Cancellation

LOOK_SECONDS = 0.25
LONGEST_SECONDS = 1.0
"""Of a call in the loop, for which everybody waits; a model computes there because its samples take far less."""


class LoopWatch:
    """Watches one call at a time, as one loop makes them; its thread begins with the first."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.since, self.looks = 0.0, False
        self.watched: Cancellation | None = None

    def begin(self, cancellation: Cancellation) -> None:
        with self.lock:
            self.since, self.watched = time.monotonic(), cancellation
        if not self.looks:
            self.looks = True
            threading.Thread(target=self._look, name="loop-watch", daemon=True).start()

    def end(self) -> None:
        """From then on the call's cancellation is left alone."""
        with self.lock:
            self.watched = None

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            with self.lock:
                if self.watched and time.monotonic() - self.since > LONGEST_SECONDS:
                    self.watched.cancel()


LOOP_WATCH = LoopWatch()
"""The process's: it has one loop."""
