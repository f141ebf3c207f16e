"""Tries a request again that a server is too busy for, for a limited time."""

import random
import threading
import time

FIRST_SECONDS, MOST_SECONDS = 0.1, 10.0
"""Between two tries where the server does not say how long; doubled each time."""


class Patience:
    def __init__(self, seconds: float) -> None:
        """`seconds`: of waiting for one request, all its tries together."""
        self.seconds = seconds
        self.ended = threading.Event()

    def waits(self) -> "Waits":
        """For one request."""
        return Waits(self)

    def end(self) -> None:
        """Nobody waits any more."""
        self.ended.set()


class Waits:
    def __init__(self, patience: Patience) -> None:
        self.patience, self.tries, self.began = patience, 0, time.monotonic()

    def again(self, retry_after: str | None) -> bool:
        """Wait as long as the server said, in whole seconds, or else longer each time; False where that is too long."""
        said = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
        growing = min(MOST_SECONDS, FIRST_SECONDS * 2**self.tries) * random.uniform(0.5, 1)
        self.tries += 1
        seconds = max(said, growing)
        if time.monotonic() - self.began + seconds > self.patience.seconds:
            return False
        return not self.patience.ended.wait(seconds)


NONE = Patience(0)
"""What is refused once is not asked again."""
