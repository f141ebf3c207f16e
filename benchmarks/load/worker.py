"""One process that sends: at set times (open loop), or whenever an answer came (closed loop)."""

import asyncio
import gc
import os
import resource
import time
from array import array
from collections.abc import MutableSequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import uvloop

from torchferry.benchmarks.load.http_wire import OK, HttpWire
from torchferry.benchmarks.load.target import Target
from torchferry.benchmarks.load.timer import Timer

HOPELESS = 2.0  # seconds of lag after which a rate counts as one that cannot be sent
BURST = 64  # requests sent at once, before answers are looked at again
TICK = 0.05  # seconds between two looks at whether to stop
UNANSWERED = "no answer"
AFTER_ERROR = 0.01  # seconds that a closed loop waits after an error, so that a dead server is not hammered


@dataclass(frozen=True, kw_only=True)
class Shift:
    """What one process has to do."""

    target: Target
    arrivals: np.ndarray | None
    """Seconds from the start, float64, rising; None for a closed loop."""
    connections: int
    """The most that are open; in a closed loop each sends again when its answer has come."""
    seconds: float
    """How long a closed loop sends."""
    timeout: float
    """Seconds to wait for answers after the last request."""
    cpus: tuple[int, ...]
    """Cores to stay on; any if it is empty."""


@dataclass(kw_only=True)
class Records:
    """The outcome of each request. Times are of time.perf_counter, which all processes of a machine share."""

    intended: array = field(default_factory=lambda: array("d"))
    sent: array = field(default_factory=lambda: array("d"))
    answered: array = field(default_factory=lambda: array("d"))
    """NaN if there was no good answer."""
    outcome: array = field(default_factory=lambda: array("h"))
    """Index into `outcomes`."""
    outcomes: list[str] = field(default_factory=lambda: [UNANSWERED, OK])
    stages: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Sum in milliseconds and count of what the server said of each stage, by its name."""
    starved: int = 0
    hopeless: bool = False
    cpu_seconds: float = 0
    seconds: float = 0


def work(shift: Shift, pipe: Connection, board: MutableSequence[int], stop: Any) -> None:
    """A process of its own: says when it is ready, takes the start time, and gives its Records, or an exception.

    `board` is told how many requests were sent and how many have ended; `stop.value` ends it early.
    """
    if shift.cpus:
        os.sched_setaffinity(0, shift.cpus)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    # Every connection is a file, and the usual soft limit is 1,024.
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.disable()  # a collection would be a lag of ours, measured as the server's
    # grpc.aio has a poller of its own, which does not go with uvloop's.
    loop = asyncio.new_event_loop() if shift.target.method else uvloop.new_event_loop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            pipe.send(runner.run(Worker(shift, pipe, board, stop).run()))
        except Exception as error:
            pipe.send(RuntimeError(f"{type(error).__name__}: {error}"))


class Worker:
    def __init__(self, shift: Shift, pipe: Connection, board: MutableSequence[int], stop: Any) -> None:
        self.shift, self.pipe, self.board, self.stop = shift, pipe, board, stop
        self.records, self.next, self.ended = Records(), 0, 0
        self.wire = self._wire()
        self.times = None if shift.arrivals is None else shift.arrivals.tolist()
        self.sending = True
        self.fault: BaseException | None = None

    def _wire(self) -> Any:
        if self.shift.target.method:
            from torchferry.benchmarks.load.grpc_wire import GrpcWire

            return GrpcWire(self.shift.target, self.shift.connections, self._done)
        return HttpWire(self.shift.target, self.shift.connections, self._done)

    async def run(self) -> Records:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._broken)
        await self.wire.start(self.shift.connections if self.times is None else 8)
        self.timer = Timer(loop, self._due if self.times is not None else lambda: None)
        self.pipe.send("ready")
        # In a thread: it blocks until the start is told, and the loop has connections to serve.
        self.start = await loop.run_in_executor(None, self.pipe.recv)
        cpu = time.process_time()
        if self.times is None:
            await asyncio.sleep(max(0, self.start - time.perf_counter()))
            for _ in range(self.shift.connections):
                self._send(max(self.start, time.perf_counter()))  # a sleep can end a moment early
        else:
            self.timer.set(self.start + self.times[0])
        await self._until_ended()
        self.records.cpu_seconds, self.records.seconds = time.process_time() - cpu, time.perf_counter() - self.start
        self.records.starved = self.wire.starved
        self.timer.close()
        await self.wire.close()
        return self.records

    async def _until_ended(self) -> None:
        """All was sent, and all was answered, or is not waited for any longer."""
        last: float | None = None
        while True:
            await asyncio.sleep(TICK)
            if self.fault:
                raise self.fault
            now = time.perf_counter()
            if self.stop.value or (self.times is None and now > self.start + self.shift.seconds):
                self.sending = False
            if self.times is not None and self.next == len(self.times):
                self.sending = False
            self.board[0], self.board[1] = self.next, self.ended
            if not self.sending:
                last = last or now
                given_up = self.stop.value or self.records.hopeless
                patience = min(1.0, self.shift.timeout) if given_up else self.shift.timeout
                if self.ended == self.next or now > last + patience:
                    return

    def _broken(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback failed, which must not pass for a slow server."""
        self.fault = self.fault or context.get("exception") or RuntimeError(context["message"])

    def _due(self) -> None:
        """Send what is due, and set the timer for what comes next."""
        assert self.times is not None
        for _ in range(BURST):
            if self.next == len(self.times) or not self.sending:
                return
            intended, now = self.start + self.times[self.next], time.perf_counter()
            if intended > now:
                self.timer.set(intended)
                return
            if now - intended > HOPELESS:
                self.records.hopeless, self.sending = True, False
                return
            self._send(intended)
        self.timer.set(time.perf_counter())

    def _send(self, intended: float) -> None:
        number, self.next = self.next, self.next + 1
        self.records.intended.append(intended)
        self.records.sent.append(time.perf_counter())
        self.records.answered.append(np.nan)
        self.records.outcome.append(0)
        self.wire.send(number)

    def _done(self, number: int, outcome: str, timing: bytes | None) -> None:
        now = time.perf_counter()
        self.ended += 1
        if outcome == OK:
            self.records.answered[number] = now
        if outcome not in self.records.outcomes:
            self.records.outcomes.append(outcome)
        self.records.outcome[number] = self.records.outcomes.index(outcome)
        if timing:
            self._note(timing)
        if self.times is None and self.sending and now < self.start + self.shift.seconds:
            if outcome == OK:
                self._send(now)
            else:
                asyncio.get_running_loop().call_later(AFTER_ERROR, self._send_again)

    def _send_again(self) -> None:
        if self.sending:
            self._send(time.perf_counter())

    def _note(self, timing: bytes) -> None:
        """`name;dur=MILLISECONDS, ...`: https://www.w3.org/TR/server-timing/"""
        for entry in timing.decode("latin-1").split(","):
            name, _, milliseconds = entry.strip().partition(";dur=")
            try:
                total, count = self.records.stages.get(name, (0.0, 0))
                self.records.stages[name] = total + float(milliseconds), count + 1
            except ValueError:
                continue
