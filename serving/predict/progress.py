"""Progress on stderr: one line that changes on a terminal, elsewhere a line every half minute."""

import sys
import time
from collections.abc import Callable
from typing import IO

EVERY, EVERY_ON_A_TERMINAL = 30.0, 0.5
"""Seconds."""


class Progress:
    def __init__(
        self,
        about: Callable[[], int],
        done: int,
        stream: IO[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`about`: how many samples there are, as far as that is known, else 0; it is asked once, when something is
        said. `done`: those of an earlier command."""
        self.count, self.about = about, 0
        self.before, self.stream, self.clock = done, stream or sys.stderr, clock
        self.on_terminal = self.stream.isatty()
        self.every = EVERY_ON_A_TERMINAL if self.on_terminal else EVERY
        self.began = self.said = clock()

    def show(self, done: int, unanswered: int) -> None:
        now = self.clock()
        if now - self.said < self.every:
            return
        if self.said == self.began:
            self.about = self.count()
        self.said = now
        line = self._line(done, unanswered, now - self.began)
        text = f"\r\033[K{line}" if self.on_terminal else f"torchferry: {line}\n"
        print(text, end="", file=self.stream, flush=True)

    def end(self) -> None:
        """Leave the terminal's line to what is printed next."""
        if self.on_terminal and self.said > self.began:
            print("\r\033[K", end="", file=self.stream, flush=True)

    def _line(self, done: int, unanswered: int, seconds: float) -> str:
        rate = (done - self.before) / seconds
        parts = [f"{done:,} of about {self.about:,} samples" if self.about else f"{done:,} samples", f"{rate:,.0f}/s"]
        if self.about > done and rate:
            parts.append(f"about {_duration((self.about - done) / rate)} left")
        if unanswered:
            parts.append(f"{unanswered:,} without an answer")
        return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
