"""The server's operations in no protocol's form; REST and gRPC translate to and from these, and do nothing else."""

import asyncio
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from torchferry.serving.codec.images import decode_image
from torchferry.serving.codec.tensors import check_batch
from torchferry.serving.cpu import cores
from torchferry.serving.errors import ClientGone, DeadlinePassed, Overloaded, RequestError, TooLarge, WrongTensor
from torchferry.serving.onnx_server.classification import classified
from torchferry.serving.onnx_server.inference import Inference
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.models.repository import Repository
from torchferry.serving.onnx_server.request_context import RequestContext
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.onnx_server.telemetry.access_log import AccessLog
from torchferry.serving.onnx_server.telemetry.metrics import Metrics
from torchferry.serving.onnx_server.trace_context import TraceContext
from torchferry.serving.onnx_server.turns import Turns

if TYPE_CHECKING:
    from torchferry.serving.onnx_server.telemetry.tracing import Tracing

T = TypeVar("T")
CLOCK_SECONDS = 0.002
"""The event loop's timers are as exact as this."""


class DataPlane:
    def __init__(
        self, settings: Settings, repository: Repository, metrics: Metrics, tracing: "Tracing | None" = None
    ) -> None:
        self.settings, self.repository, self.metrics, self.tracing = settings, repository, metrics, tracing
        self.access_log = AccessLog(settings.access_log, settings.access_log_share)
        # Pillow and numpy let go of the interpreter's lock for most of their work.
        self.threads = ThreadPoolExecutor(cores(), thread_name_prefix="decode")
        self.turns = Turns()
        self.loaded = self.draining = False

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here. What was loaded has given its golden outputs."""
        return self.loaded and not self.draining

    def context(self, protocol: str) -> RequestContext:
        """To be put around each request, so that it is counted once, whatever its outcome."""
        return RequestContext(protocol, self._finished)

    def trace(self, context: RequestContext, traceparent: str) -> None:
        """Make the request a part of its caller's trace, or of one of its own where traces are sent."""
        caller = TraceContext.read(traceparent) if traceparent else None
        if self.tracing:
            context.span, context.trace = self.tracing.begin(caller)
        elif caller:
            context.trace = caller.child()

    def _finished(self, context: RequestContext, error: BaseException | None) -> None:
        outcome = _outcome(error)
        self.metrics.finished(context, outcome)
        if context.model:
            context.model.statistics.finished(context, outcome == "ok")
        if self.tracing and context.span:
            self.tracing.finished(context, context.span, outcome)
        self.access_log.finished(context, outcome, f"{type(error).__name__}: {error}" if error else "")

    def find(self, context: RequestContext, name: str, version: str) -> Model:
        """The model that is asked. Raises UnknownModel."""
        context.model = model = self.repository.find(name, version)
        return model

    async def infer(self, model: Model, asked: Inference, context: RequestContext) -> Mapping[str, np.ndarray]:
        """The outputs that were asked for, by name. Raises RequestError, DeadlinePassed, InferenceFailed."""
        for wanted in asked.outputs:
            if wanted.name not in model.output_names:
                raise WrongTensor(f"there is no output '{wanted.name}'; the model has {', '.join(model.output_names)}")
        if asked.images:
            self._check_size(len(asked.images))  # before they are unpacked
            decoded = await self.in_thread(_decode_all, asked.images, model, context=context, timeout=asked.timeout)
            asked.inputs = {model.bundle.inputs[0].name: decoded}
        outputs = await self.run(model, asked.inputs, context, asked.interactive, asked.timeout)
        if not asked.outputs:
            return outputs
        return {
            wanted.name: classified(outputs[wanted.name], wanted.classes, model.bundle.labels_of(wanted.name))
            if wanted.classes
            else outputs[wanted.name]
            for wanted in asked.outputs
        }

    async def run(
        self,
        model: Model,
        inputs: Mapping[str, np.ndarray],
        context: RequestContext,
        interactive: bool = True,
        timeout: float | None = None,
    ) -> Mapping[str, np.ndarray]:
        """All outputs for checked inputs, from the cache or once a session has had time for them."""
        context.samples = check_batch(inputs)
        self._check_size(context.samples)
        if not model.cache.limit:
            context.outputs = await self._compute(model, inputs, context, interactive, timeout)
            return context.outputs
        key, outputs = model.cache.find(inputs)
        context.cache = "hit" if outputs else "miss"
        if not outputs:
            outputs = await self._compute(model, inputs, context, interactive, timeout)
            model.cache.keep(key, outputs)
        context.outputs = outputs
        return outputs

    async def _compute(
        self,
        model: Model,
        inputs: Mapping[str, np.ndarray],
        context: RequestContext,
        interactive: bool,
        timeout: float | None,
    ) -> Mapping[str, np.ndarray]:
        scheduler, remaining = model.scheduler, self.remaining(context, timeout)
        if scheduler.expected_wait(interactive=interactive) > remaining:
            raise model.admission.overloaded("it would pass its deadline in the queue")
        if not interactive and scheduler.queued >= self.settings.max_queue / 2:
            raise model.admission.overloaded("requests of priority batch have half of the queue")
        deadline = time.monotonic() + remaining
        work = context.work = scheduler.submit(inputs, interactive=interactive, deadline=deadline)
        context.waits_for = work.answer
        try:
            return await work.answer
        finally:
            scheduler.leave(work)

    def _check_size(self, samples: int) -> None:
        """Raises TooLarge."""
        if samples > self.settings.max_request_batch:
            raise TooLarge(f"the request has {samples} samples; {self.settings.max_request_batch} are allowed")

    async def in_thread(
        self, call: Callable[..., T], *arguments: Any, context: RequestContext, timeout: float | None = None
    ) -> T:
        """`call(*arguments)` where it does not hold up the others, as a part of decoding. Raises DeadlinePassed."""
        started, loop = time.monotonic(), asyncio.get_running_loop()
        try:
            begin = functools.partial(loop.run_in_executor, self.threads, call, *arguments)
            return await self._in_time(begin, context, timeout)
        finally:
            context.decode += time.monotonic() - started

    async def in_turns(self, work: Iterator[T], context: RequestContext, timeout: float | None = None) -> list[T]:
        """All that `work` gives, made in the loop but so that it does not hold up the others. Raises DeadlinePassed."""
        return await self._in_time(functools.partial(self.turns.take, work), context, timeout)

    async def _in_time(
        self, begin: Callable[[], asyncio.Future[T]], context: RequestContext, timeout: float | None
    ) -> T:
        """What is begun ends with the request's time, or with the wish for its answer. Raises DeadlinePassed."""
        remaining = self.remaining(context, timeout)
        future = context.waits_for = begin()
        timer = asyncio.get_running_loop().call_later(remaining + CLOCK_SECONDS, future.cancel)
        try:
            return await future
        except asyncio.CancelledError:
            self.remaining(context, timeout)  # raises DeadlinePassed if that is why
            raise
        finally:
            timer.cancel()

    def remaining(self, context: RequestContext, timeout: float | None) -> float:
        """Seconds that the request still has. Raises DeadlinePassed if there are none."""
        limit = self.settings.timeout if timeout is None else min(timeout, self.settings.timeout)
        left = context.started + limit - time.monotonic()
        if left <= 0:
            raise DeadlinePassed(f"the request was not answered within {limit:g} s")
        return left


def _decode_all(images: list[bytes], model: Model) -> np.ndarray:
    decode = model.bundle.decode
    if decode is None:
        raise WrongTensor(f"{model.name} takes no images")
    return np.stack([decode_image(image, decode) for image in images])


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    if isinstance(error, Overloaded):
        return "overloaded"
    if isinstance(error, asyncio.CancelledError | ClientGone):
        return "cancelled"
    if isinstance(error, RequestError):
        return "client_error"
    return "deadline" if isinstance(error, DeadlinePassed) else "server_error"
