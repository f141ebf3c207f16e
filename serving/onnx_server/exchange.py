"""An exchange: one inference request and its answer, on the one way that all protocols share.

Found, admitted, read, computed, written and counted: by callbacks in the event loop's thread, so that a request that is
here whole needs neither a task nor a future. What takes long is done in a thread and comes back.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from torchferry.serving.codec.decoding import Decoding
from torchferry.serving.codec.strings import length
from torchferry.serving.codec.tensors import STRINGS, check_axes, check_batch
from torchferry.serving.errors import ClientGone, DeadlinePassed, RequestError, TooLarge, WrongParameter, WrongTensor
from torchferry.serving.onnx_server.classification import wanted_of
from torchferry.serving.onnx_server.form import Form
from torchferry.serving.onnx_server.inference import CLOCK_SECONDS, Inference, Outputs, Work
from torchferry.serving.onnx_server.intake import COUNTED, own_bytes
from torchferry.serving.onnx_server.models.admission import Inside
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.models.sequences import Step
from torchferry.serving.onnx_server.pieces import Pieces, answer_too_large, bounded
from torchferry.serving.onnx_server.request_context import LONGEST_ID, RequestContext
from torchferry.serving.onnx_server.sequence_parameters import InSequence

if TYPE_CHECKING:
    from torchferry.serving.onnx_server.dataplane import DataPlane

Answer = TypeVar("Answer")
LARGE = 64 * 1024
"""Bytes of a request above which it is read in a thread, so that it does not hold up the others."""
VERY_LARGE = 2**20
"""Bytes of which one call of a JSON reader may keep the interpreter's lock for 20 ms."""
FEW_CLASSES = 1024
"""Best classes of an answer, 2 us each; more are named in a thread."""


class Exchange(Generic[Answer]):
    """`admit` it and `take` its form once that is here, or `end` it before. It ends once, and then tells `done`."""

    admitted = over = False
    result: Answer | BaseException | None = None
    """None until it is over."""
    waits: "asyncio.Future[Any] | None" = None
    """What is done for it elsewhere, or in turns."""
    key = b""
    """Of the cache, where there is one."""
    held = 0
    """Bytes that are counted until it is over."""
    step: Step | None = None
    """Of the sequence that it is one of."""
    is_version_named = True
    """By the request; else it may be one of a sequence that another version keeps."""

    def __init__(
        self,
        plane: "DataPlane",
        protocol: str,
        done: "Callable[[Exchange[Answer]], None] | None" = None,
        timeout: float | None = None,
        client: str = "",
    ) -> None:
        """`timeout`: seconds that the client gives it, if it says so before its request is read. `client`: by which
        shares are counted; empty where clients cannot be told apart."""
        self.plane, self.done, self.client = plane, done, client
        self.context = RequestContext(protocol)
        self.limit = plane.settings.timeout if timeout is None else min(timeout, plane.settings.timeout)
        self.model: Model
        self.form: Form[Answer]
        self.asked: Inference

    @property
    def is_waiting(self) -> bool:
        """Whether no session has begun it, and one still need."""
        work = self.context.work
        return not self.over and (work.waits if work else self.context.outputs is None)

    def expect(self, name: str, version: str) -> bool:
        """Whether a request whose body is still to come is worth waiting for: there is such a model, and it has room
        now. If not, the exchange is over."""
        try:
            self.context.model = self.plane.repository.find(name, version)
            self.context.model.admission.check(self.client)
        except RequestError as error:
            self.end(error)
        return not self.over

    def admit(self, name: str, version: str) -> bool:
        """Find the model and take a place in it; if there is none, the exchange is over."""
        try:
            self._enter(self.plane.repository.find(name, version))
            self.is_version_named = version == self.model.version
        except RequestError as error:
            self.end(error)
        return self.admitted

    def _enter(self, model: Model) -> None:
        """Raises UnknownModel and Overloaded."""
        self.context.model = self.model = model
        model.admission.enter(self)
        self.admitted = True
        self.plane.inside += 1

    def _leave(self) -> None:
        self.admitted = False
        self.plane.inside -= 1
        self.model.admission.leave(self)

    def take(self, form: Form[Answer]) -> None:
        """Read what is asked, and answer it in time."""
        self.form = form
        self._step(self._begin)

    def cancel(self, error: BaseException) -> None:
        """Nobody waits for the answer any more."""
        if self.waits:
            self.waits.cancel()
        if self.context.work:
            self.model.scheduler.leave(self.context.work)
        self.end(error)

    def end(self, result: Answer | BaseException) -> None:
        """With the answer, or with what it ended of; only the first end counts."""
        if self.over:
            return
        self.over, self.result = True, result
        done, self.done = self.done, None
        try:
            if done:
                done(self)
        finally:
            if self.step:
                self.model.sequences.leave(self.step, is_answered=not isinstance(result, BaseException))
            if self.admitted:
                self._leave()
            if self.held:
                self.plane.intake.release(self.client, self.held)
            self.plane.finished(self.context, result if isinstance(result, BaseException) else None)

    async def outcome(self) -> Answer:
        """The answer, for those who wait in a coroutine; if they are cancelled, so is the exchange."""
        if not self.over:
            await self._is_over()
        result, self.result = self.result, None
        try:
            if isinstance(result, BaseException):
                raise result
            assert result is not None
            return result
        finally:
            del result  # an error knows this frame

    async def _is_over(self) -> None:
        over = asyncio.get_running_loop().create_future()
        self.done = lambda _: None if over.done() else over.set_result(None)
        try:
            await over
        except asyncio.CancelledError as error:
            self.cancel(error)
            self.result = None  # as above
            raise

    def remaining(self) -> float:
        """Seconds that the request still has. Raises DeadlinePassed if there are none."""
        left = self.context.started + self.limit - time.monotonic()
        if left <= 0:
            raise self._too_late()
        return left

    def _step(self, step: Callable[..., None], *given: Any) -> None:
        """Whatever a step raises is this request's end, and never that of the loop's other work."""
        if self.over:
            return
        try:
            step(*given)
        except Exception as error:
            self.end(error)

    def _begin(self) -> None:
        if (size := self.form.size) > COUNTED and size > self.held:
            self._hold(size - self.held)
        if self.form.is_large:
            read = partial(self.form.read, self.model)
            self._aside(lambda given: self._asked(*given), read, keeps_lock=size > VERY_LARGE)
        else:
            self._read()

    def _hold(self, size: int) -> None:
        """Count these bytes until the end. Raises Overloaded."""
        self.plane.intake.hold(self.client, size)
        self.held += size

    def _hold_own(self, *tensors: np.ndarray) -> None:
        for values in tensors:
            if (values.dtype == object or values.nbytes > COUNTED) and (own := own_bytes(values)) > COUNTED:
                self._hold(own)

    def _read(self) -> None:
        started = time.monotonic()
        asked = self.form.read(self.model)
        self.context.decode = time.monotonic() - started
        self._asked(asked)

    def _asked(self, asked: Inference) -> None:
        self.asked = asked
        self.context.request_id = self.context.request_id or asked.id[:LONGEST_ID]
        if asked.timeout is not None:
            self.limit = min(asked.timeout, self.limit)
        for wanted in asked.outputs:
            if wanted.name not in (names := self.model.output_names):
                raise WrongTensor(f"there is no output '{wanted.name}'; the model has {', '.join(names)}")
            if wanted.classes and self.model.output_datatypes[wanted.name] == STRINGS:
                raise WrongParameter(f"classification: '{wanted.name}' is {STRINGS}; it is for numbers, each a class's")
        if asked.sequence and not self._is_in_line(asked.sequence):
            return
        if asked.files:
            self._check_size(check_batch({**asked.inputs, **asked.files}))  # before they are unpacked
            self._hold_own(*asked.inputs.values())
            self._decode(Decoding(asked.files, self.model.loaded.decoders))
        else:
            self._hold_own(*asked.inputs.values())
            self._compute()

    def _is_in_line(self, asked: InSequence) -> bool:
        """It takes its place there; False where another version keeps the sequence, which then reads the request.
        Raises RequestError."""
        owner = self.client if self.plane.settings.tokens else ""
        if not self.is_version_named:
            self.is_version_named = True  # from here on
            keeping = self.plane.repository.keeping(self.model, owner, asked)
            if keeping is not self.model:
                self._leave()
                self._enter(keeping)
                self._begin()
                return False
        self.step = self.model.sequences.enter(owner, asked)
        return True

    def _go_on(self) -> None:
        """Called in a thread. Raises DeadlinePassed, and ClientGone where nobody waits any more."""
        if self.over:
            raise ClientGone
        self.remaining()

    def _decode(self, decoding: Decoding) -> None:
        """In as many slices as it has calls, once all have been checked; a short text at once."""
        counted = self._hold_decoded(decoding, 0)  # before anything is filled
        check = partial(decoding.check, self.plane.settings.max_request_pixels, self._go_on)

        def checked(_: list[None]) -> None:
            self._hold_decoded(decoding, counted)
            self._aside(decoded, *calls)

        def decoded(_: list[None]) -> None:
            self.asked.inputs = decoding.with_inputs(self.asked.inputs)
            self.asked.files, self.asked.placements = {}, decoding.placements
            self._compute()

        calls = list(decoding.calls())
        if decoding.is_quick:
            started = time.monotonic()
            _in_turn(check, *calls)
            self.context.decode += time.monotonic() - started
            decoded([])
        elif len(calls) == 1:
            self._aside(decoded, partial(_in_turn, check, *calls))
        else:
            self._aside(checked, check)

    def _hold_decoded(self, decoding: Decoding, counted: int) -> int:
        """Count what it will take beyond what is counted of it, and say how much that is together."""
        if (more := decoding.bytes - counted) > COUNTED:
            self._hold(more)
            return counted + more
        return counted

    def _compute(self) -> None:
        """From the cache, or once a session has had time for it, of a sequence in its turn."""
        if self.step is None:
            return self._submit()
        if turn := self.model.sequences.turn(self.step, check_batch(self.asked.inputs)):
            return self._wait("in_line", lambda _: self._take_turn(), lambda: turn)
        return self._take_turn()

    def _take_turn(self) -> None:
        assert self.step
        self.asked.inputs = self.model.sequences.inputs(self.step, self.asked.inputs)
        self._submit()

    def _submit(self) -> None:
        inputs, model, interactive = self.asked.inputs, self.model, self.asked.interactive
        self.context.samples = check_batch(inputs)
        check_axes(inputs, model.bundle.inputs)
        self._check_size(self.context.samples)
        if model.cache.limit and not self.step:
            self.key, outputs = model.cache.find(inputs)
            self.context.cache = "hit" if outputs else "miss"
            if outputs:
                return self._write(outputs)
        remaining, scheduler, client = self.remaining(), model.scheduler, self.client
        model.admission.check_time(client, remaining, interactive=interactive)
        if not interactive and scheduler.queued >= self.plane.settings.max_queue / 2:
            model.admission.make_room(client, "requests of priority batch have half of the queue", _waits_as_batch)
        deadline = self.context.started + self.limit
        work = Work(inputs, self._computed, client=client, interactive=interactive, deadline=deadline)
        self.context.work = work
        return scheduler.submit(work)

    def _computed(self, work: Work) -> None:
        if isinstance(work.result, Exception):
            self.end(work.result)
        elif work.result is not None:
            if self.key:
                self.model.cache.keep(self.key, work.result)
            self._step(self._write, work.result)

    def _write(self, outputs: Outputs) -> None:
        self.context.outputs = outputs
        if self.step:
            self.model.sequences.computed(self.step, outputs)
        if sum(each.classes * len(outputs[each.name]) for each in self.asked.outputs if each.classes) <= FEW_CLASSES:
            return self._encode(wanted_of(outputs, self.asked, self.model))
        begin = partial(self.plane.threads.run, self.client, [partial(wanted_of, outputs, self.asked, self.model)])
        return self._wait("encode", lambda wanted: self._encode(*wanted), begin)

    def _encode(self, wanted: Outputs) -> None:
        started, most = time.monotonic(), self.plane.settings.max_answer_bytes
        if (size := sum([length(values) for values in wanted.values()])) > most:
            raise answer_too_large(f"the answer's tensors have {size:,} bytes", most)
        answer = self.form.write(self.model, self.asked, wanted)
        self.context.encode += time.monotonic() - started
        if isinstance(answer, Pieces):
            self._put_together(answer, bounded(answer.pieces, most))
        else:
            self.end(answer)

    def _put_together(self, answer: Pieces[Answer], pieces: Iterator[bytes]) -> None:
        if answer.are_long:
            calls = [partial(self._made, pieces)]
            begin = partial(self.plane.threads.run, self.client, calls, keeps_lock=answer.keeps_lock)
            self._wait("encode", lambda made: self.end(answer.made(*made)), begin)
        else:
            begin = partial(self.plane.turns.take, pieces)
            self._wait("encode", lambda made: self.end(answer.made(made)), begin)

    def _made(self, pieces: Iterator[bytes]) -> list[bytes]:
        """In a thread."""
        made = []
        for piece in pieces:
            self._go_on()
            made.append(piece)
        return made

    def _check_size(self, samples: int) -> None:
        """Raises TooLarge."""
        most = self.plane.settings.max_request_batch
        if samples > most:
            raise TooLarge(f"the request has {samples} samples; {most} are allowed")

    def _aside(self, then: Callable[[list[Any]], None], *calls: Callable[[], Any], keeps_lock: bool = False) -> None:
        """`then` with what each of the calls gives, which are made in threads, as a part of decoding."""
        begin = partial(self.plane.threads.run, self.client, calls, keeps_lock=keeps_lock)
        self._wait("decode", then, begin)

    def _wait(self, stage: str, then: Callable[[Any], None], begin: Callable[[], asyncio.Future[Any]]) -> None:
        """`then` with what comes of what is begun, in time, as a part of the stage."""
        started, loop = time.monotonic(), asyncio.get_running_loop()
        timer = loop.call_later(self.remaining() + CLOCK_SECONDS, lambda: self.cancel(self._too_late()))
        self.waits = begin()

        def back(future: asyncio.Future[Any]) -> None:
            timer.cancel()
            self.waits = None
            setattr(self.context, stage, getattr(self.context, stage) + time.monotonic() - started)
            if future.cancelled():
                return
            if error := future.exception():  # not raised, or it would know the future, which knows it
                self.end(error)
            else:
                self._step(then, future.result())

        self.waits.add_done_callback(back)

    def _too_late(self) -> DeadlinePassed:
        return DeadlinePassed(f"the request was not answered within {self.limit:g} s")


def _in_turn(*calls: Callable[[], None]) -> None:
    for call in calls:
        call()


def _waits_as_batch(request: Inside) -> bool:
    work = request.context.work if isinstance(request, Exchange) else None
    return work is not None and work.waits and not work.interactive
