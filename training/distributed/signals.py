"""Signals as requests that all ranks agree on at a step boundary.

A handler only sets a flag: a save inside it would wait for ranks that know of no signal. The flags are
exchanged over Gloo, about twice a second however long a step takes.
"""

import os
import signal
import time
from dataclasses import dataclass
from types import FrameType

import torch
import torch.distributed as dist

from torchferry.training.errors import RunFailed

SECONDS_BETWEEN = 0.5
LONGEST_STRIDE = 1000
SAME_REQUEST_SECONDS = 2.0
STOPS = (signal.SIGTERM, signal.SIGINT)


class Stopped(Exception):
    """The run was ended by a signal, after it was saved."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass(frozen=True)
class Request:
    save: bool
    stop: int
    """The signal that ends the run, or 0."""


NOTHING = Request(save=False, stop=0)


class Requests:
    """SIGTERM and SIGINT save and stop, SIGUSR1 saves; another stop signal, later, ends this process at once."""

    def __init__(self, group: dist.ProcessGroup, world_size: int) -> None:
        """`group` has a CPU backend. Installs the handlers for good."""
        self.group, self.world_size = group, world_size
        self.save, self.stop, self.failed, self.stop_asked = False, 0, False, 0.0
        self.stride, self.countdown, self.exchanged = 1, 1, time.monotonic()
        for number in (*STOPS, signal.SIGUSR1):
            signal.signal(number, self._received)

    def fail(self) -> None:
        """Make every rank stop: this one cannot go on, and has said why."""
        self.failed = True

    def ask_soon(self) -> None:
        """What comes takes another time than what was; every rank calls it at the same place."""
        self.stride = self.countdown = 1

    def agreed(self) -> Request:
        """What any rank was asked for, the same on all of them; every rank calls it equally often.

        Raises RunFailed where a rank has called `fail`.
        """
        self.countdown -= 1
        return NOTHING if self.countdown else self.exchange()

    def exchange(self) -> Request:
        """As `agreed`, but at once; every rank calls it at the same place."""
        now = time.monotonic()
        # In one tensor, so that an exchange is one all-reduce.
        flags = torch.tensor([self.save, self.stop, self.failed, now - self.exchanged], dtype=torch.float64)
        if self.world_size > 1:
            dist.all_reduce(flags, dist.ReduceOp.MAX, group=self.group)
        save, stop, failed, seconds = flags.tolist()
        if save:
            self.save = False
        # The same on every rank, because the longest time is: when to exchange next.
        wanted = int(self.stride * SECONDS_BETWEEN / max(seconds, 1e-6))
        # At most doubled, so that one short interval does not put the next exchange far away.
        self.stride = max(1, min(LONGEST_STRIDE, 2 * self.stride, wanted))
        self.countdown, self.exchanged = self.stride, now
        if failed:
            raise RunFailed
        return Request(save=bool(save), stop=int(stop))

    def _received(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if number == signal.SIGUSR1:
            self.save = True
        elif not self.stop:
            self.stop, self.stop_asked = number, now
        # Ctrl-C reaches a rank twice, from the terminal and from torchrun; that is one request.
        elif now - self.stop_asked > SAME_REQUEST_SECONDS:
            os._exit(128 + number)
