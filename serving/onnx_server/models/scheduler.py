"""Requests of one model version to batches for its sessions, without ever delaying one that finds a session free.

What the loop has read at once goes together, and while all sessions are busy requests gather; the moment one is free,
up to `max_batch` samples go, of clients that take turns. All state belongs to the event loop's thread; each session
computes in a thread of its own, or those of the tiniest models in the loop itself.
"""

import asyncio
import time
from collections.abc import Sequence
from itertools import chain, islice

from torchferry.serving.errors import DeadlinePassed
from torchferry.serving.onnx_server.fair_queue import FairQueue
from torchferry.serving.onnx_server.inference import CLOCK_SECONDS, Outputs, Work
from torchferry.serving.onnx_server.models.batch import Batch, Session
from torchferry.serving.onnx_server.models.runner import InlineRunner, Runner, ThreadRunner
from torchferry.serving.session.padding import Company, Padding

LOOKED_AT = 1024
"""Requests that are looked through for those that fit into a batch."""


class Scheduler:
    def __init__(
        self,
        sessions: Sequence[Session],
        *,
        max_batch: int,
        max_delay: float = 0,
        inline: bool = False,
        cap: int | None = None,
        padding: Padding | None = None,
    ) -> None:
        """`max_delay`: seconds for which a free session waits for a batch to fill. `inline`: without threads. `cap`:
        how many samples the sessions compute together even of one request, if they are capped. `padding`: of a model
        whose samples have unequal sizes."""
        self.loop = asyncio.get_running_loop()
        self.max_batch, self.max_delay, self.cap, self.padding = max_batch, max_delay, cap, padding
        kind = InlineRunner if inline else ThreadRunner
        self.runners: list[Runner] = [kind(session, self.loop, self._finished) for session in sessions]
        self.free, self.sessions = list(self.runners), len(sessions)
        self.inline = inline
        self.looks_soon = self.looks_at_deadlines = False
        self.free_since = time.monotonic()
        self.waiting: dict[bool, FairQueue[Work]] = {True: FairQueue(), False: FairQueue()}
        """By whether they are interactive; these go first."""
        self.queued = self.running = 0
        """Requests that wait, and requests that are in a session."""
        self.batches = 0
        """Computed so far."""
        self.seconds_of_cost = 0.0
        """For a sample, or for an element where samples have unequal sizes: of the latest batches, as an exponentially
        weighted mean."""
        self.timer: asyncio.TimerHandle | None = None

    def submit(self, work: Work) -> None:
        """Queue it; it is told of its outputs, or at its deadline of DeadlinePassed."""
        if self.padding:
            work.sizes = self.padding.sizes(work.inputs)
            work.cost = work.size * self.padding.elements(work.sizes)
        self.waiting[work.interactive].add(work)
        work.waits = True
        self.queued += 1
        if not self.looks_at_deadlines:
            self.loop.call_later(CLOCK_SECONDS, self._look_at_deadlines)
            self.looks_at_deadlines = True
        if self.free:
            self._look_soon()

    def leave(self, work: Work) -> None:
        """Nobody waits for it any more; if it is in the queue, it goes, and a run for nobody else ends."""
        if work.waits:
            self._remove(work)
        work.over()
        for runner in self.runners:
            if runner.batch:
                runner.batch.end_unwanted()

    def expected_wait(self, client: str | None = None, *, interactive: bool = False) -> float:
        """Seconds that a request which comes now will wait, as far as one can tell: until all have gone that are here,
        or those that go before one of this `client`. Interactive ones go first."""
        first, then = self.waiting[True], self.waiting[False]
        own = first if interactive else then
        ahead = own.cost if client is None else own.ahead(client)
        return (ahead + (0 if interactive else first.cost)) * self.seconds_of_cost / self.sessions

    def close(self) -> None:
        """End the threads and let go of the sessions; nothing may be queued or running.

        A runner knows its scheduler, so that the two would otherwise wait for a full garbage collection, which hardly
        ever comes, or for ever where they were loaded at the start and frozen.
        """
        for runner in self.runners:
            runner.close()
        self.runners.clear()
        self.free.clear()

    def _look_soon(self) -> None:
        """When the loop has read what it has to read just now."""
        if not self.looks_soon:
            self.looks_soon = True
            self.loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self.looks_soon = False
        while self.free and self.queued and not self.looks_soon:
            works = self._next_works()
            if self.max_delay and sum(work.size for work in works) < self.max_batch:
                patience = min(work.queued for work in works) + self.max_delay - time.monotonic()
                if patience > 0:
                    self._look_again_in(patience)
                    return
            self._start(works)

    def _next_works(self) -> list[Work]:
        """The request whose turn it is, an interactive one if there is any, and those behind it that fit into its
        batch."""
        first = self.waiting[True].first() or self.waiting[False].first()
        assert first is not None
        if first.size >= self.max_batch:
            return [first]
        works, room, company = [], self.max_batch, Company(self.padding) if self.padding else None
        for waiting in self.waiting.values():
            for work in islice(waiting, LOOKED_AT) if room else ():
                if company and not company.takes(work.sizes, work.size):
                    continue  # until it is the first itself
                # A smaller request behind it would overtake it.
                if work.size > room:
                    break
                works.append(work)
                room -= work.size
                if company:
                    company.add(work.sizes, work.size)
                if not room:
                    break
        return works

    def _start(self, works: list[Work]) -> None:
        """Run those that are still in time."""
        now = time.monotonic()
        for work in works:
            # Taken before: what is late must leave the queue as well.
            self._remove(work, served=work.deadline > now)
        if due := [work for work in works if work.deadline > now]:
            for work in due:
                work.started = now
                work.delayed = max(0.0, now - max(work.queued, self.free_since)) if self.max_delay else 0.0
            self.running += len(due)
            self.free.pop().run(Batch(due, self.padding))
        for work in works:  # last: whoever is told may submit the next one
            if work.deadline <= now:
                self._end(work, _too_late())

    def _finished(self, runner: Runner, batch: Batch) -> None:
        now = time.monotonic()
        self.free.append(runner)
        self.free_since = now
        self.running -= len(batch.works)
        self.batches += 1
        seconds = (now - batch.works[0].started) / sum([work.cost for work in batch.works])
        self.seconds_of_cost += (seconds - self.seconds_of_cost) / 8
        if self.queued and self.inline:
            self._look_soon()  # and not before others have had the loop
        elif self.queued:
            self._dispatch()  # before the answers are told: the session need not wait for that
        size = min(batch.samples, self.cap or batch.samples)
        for work, result in zip(batch.works, batch.results, strict=True):
            work.finished, work.batch_size = now, size
            if not work.is_over:
                self._end(work, result)

    def _look_again_in(self, seconds: float) -> None:
        if self.timer:
            self.timer.cancel()
        self.timer = self.loop.call_later(seconds, self._dispatch)

    def _look_at_deadlines(self) -> None:
        """One timer for all of them, because one for each takes as long as reading a request."""
        now = time.monotonic()
        computed = chain.from_iterable(runner.batch.works for runner in self.runners if runner.batch)
        asked = [*self.waiting[True].in_any_order(), *self.waiting[False].in_any_order(), *computed]
        for work in [work for work in asked if work.deadline <= now and not work.is_over]:
            if work.waits:
                self._remove(work)
            self._end(work, _too_late())
        self.looks_at_deadlines = bool(asked)
        if asked:
            self.loop.call_later(CLOCK_SECONDS, self._look_at_deadlines)

    def _end(self, work: Work, result: Outputs | Exception) -> None:
        work.result, done = result, work.done
        work.over()
        try:
            done(work)
        except Exception as error:  # or those that were computed with it would never be told
            self.loop.call_exception_handler({"message": "an answer could not be given", "exception": error})

    def _remove(self, work: Work, *, served: bool = False) -> None:
        """From the queue; on its client's account if it is `served`."""
        work.waits = False
        waiting = self.waiting[work.interactive]
        (waiting.serve if served else waiting.remove)(work)
        self.queued -= 1


def _too_late() -> DeadlinePassed:
    return DeadlinePassed("the request was not answered within its time")
