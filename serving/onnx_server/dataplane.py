"""The server's operations in no protocol's form; REST and gRPC translate to and from these, and do nothing else."""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from serving.cpu import cores
from serving.decode import decode_image
from serving.errors import ClientGone, DeadlinePassed, Overloaded, RequestError, TooLarge, WrongTensor
from serving.onnx_server.classification import classified
from serving.onnx_server.inference import Inference
from serving.onnx_server.models.model import Model
from serving.onnx_server.models.repository import Repository
from serving.onnx_server.settings import Settings
from serving.onnx_server.telemetry.access_log import AccessLog
from serving.onnx_server.telemetry.metrics import Metrics
from serving.onnx_server.telemetry.trace_context import TraceContext
from serving.onnx_server.telemetry.visit import Visit
from serving.tensors import check_batch

if TYPE_CHECKING:
    from serving.onnx_server.telemetry.tracing import Tracing

T = TypeVar("T")
CLOCK_SECONDS = 0.002
"""The event loop's timers are as exact as this."""


class DataPlane:
    def __init__(
        self, settings: Settings, repository: Repository, metrics: Metrics, tracing: "Tracing | None" = None
    ) -> None:
        self.settings, self.repository, self.metrics, self.tracing = settings, repository, metrics, tracing
        self.access_log = AccessLog(settings.access_log)
        # Pillow and numpy let go of the interpreter's lock for most of their work.
        self.threads = ThreadPoolExecutor(cores(), thread_name_prefix="decode")
        self.loaded = self.draining = False

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here. What was loaded has given its golden outputs."""
        return self.loaded and not self.draining

    def visit(self, protocol: str) -> Visit:
        """To be put around each request, so that it is counted once, whatever becomes of it."""
        return Visit(protocol, self._finished)

    def trace(self, visit: Visit, traceparent: str) -> None:
        """Make the visit a part of its caller's trace, or of one of its own where traces are sent."""
        caller = TraceContext.read(traceparent) if traceparent else None
        if self.tracing:
            visit.span, visit.trace = self.tracing.begin(caller)
        elif caller:
            visit.trace = caller.child()

    def _finished(self, visit: Visit, error: BaseException | None) -> None:
        outcome = _outcome(error)
        self.metrics.finished(visit, outcome)
        if visit.model:
            visit.model.statistics.finished(visit, outcome == "ok")
        if self.tracing and visit.span:
            self.tracing.finished(visit, visit.span, outcome)
        self.access_log.finished(visit, outcome, f"{type(error).__name__}: {error}" if error else "")

    def find(self, visit: Visit, name: str, version: str) -> Model:
        """The model that the visit is to. Raises UnknownModel."""
        visit.model = self.repository.find(name, version)
        return visit.model

    async def infer(self, model: Model, asked: Inference, visit: Visit) -> Mapping[str, np.ndarray]:
        """The outputs that were asked for, by name. Raises RequestError, DeadlinePassed, InferenceFailed."""
        for wanted in asked.outputs:
            if wanted.name not in model.output_names:
                raise WrongTensor(f"there is no output '{wanted.name}'; the model has {', '.join(model.output_names)}")
        if asked.images:
            self._check_size(len(asked.images))  # before they are unpacked
            decoded = await self.in_thread(_decode_all, asked.images, model, visit=visit, timeout=asked.timeout)
            asked.inputs = {model.bundle.inputs[0].name: decoded}
        outputs = await self.run(model, asked.inputs, visit, asked.interactive, asked.timeout)
        if not asked.outputs:
            return outputs
        labels = model.bundle.labels
        return {
            wanted.name: classified(outputs[wanted.name], wanted.classes, labels)
            if wanted.classes
            else outputs[wanted.name]
            for wanted in asked.outputs
        }

    async def run(
        self,
        model: Model,
        inputs: Mapping[str, np.ndarray],
        visit: Visit,
        interactive: bool = True,
        timeout: float | None = None,
    ) -> Mapping[str, np.ndarray]:
        """All outputs for checked inputs, from the cache or once a session has had time for them."""
        visit.samples = check_batch(inputs)
        self._check_size(visit.samples)
        if not model.cache.limit:
            visit.outputs = await self._compute(model, inputs, visit, interactive, timeout)
            return visit.outputs
        key, outputs = model.cache.find(inputs)
        visit.cache = "hit" if outputs else "miss"
        if not outputs:
            outputs = await self._compute(model, inputs, visit, interactive, timeout)
            model.cache.keep(key, outputs)
        visit.outputs = outputs
        return outputs

    async def _compute(
        self, model: Model, inputs: Mapping[str, np.ndarray], visit: Visit, interactive: bool, timeout: float | None
    ) -> Mapping[str, np.ndarray]:
        scheduler, remaining = model.scheduler, self.remaining(visit, timeout)
        if scheduler.expected_wait(interactive=interactive) > remaining:
            raise model.admission.overloaded("it would pass its deadline in the queue")
        if not interactive and scheduler.queued >= self.settings.max_queue / 2:
            raise model.admission.overloaded("requests of priority batch have half of the queue")
        deadline = time.monotonic() + remaining
        work = visit.work = scheduler.submit(inputs, interactive=interactive, deadline=deadline)
        visit.waits_for = work.answer
        try:
            return await work.answer
        finally:
            scheduler.leave(work)

    def _check_size(self, samples: int) -> None:
        """Raises TooLarge."""
        if samples > self.settings.max_request_batch:
            raise TooLarge(f"the request has {samples} samples; {self.settings.max_request_batch} are allowed")

    async def in_thread(self, call: Callable[..., T], *arguments: Any, visit: Visit, timeout: float | None = None) -> T:
        """`call(*arguments)` where it does not hold up the others, as a part of decoding. Raises DeadlinePassed."""
        started, loop, remaining = time.monotonic(), asyncio.get_running_loop(), self.remaining(visit, timeout)
        decoded = visit.waits_for = loop.run_in_executor(self.threads, call, *arguments)
        timer = loop.call_later(remaining + CLOCK_SECONDS, decoded.cancel)
        try:
            return await decoded
        except asyncio.CancelledError:
            self.remaining(visit, timeout)  # raises DeadlinePassed if that is why
            raise
        finally:
            timer.cancel()
            visit.decode += time.monotonic() - started

    def remaining(self, visit: Visit, timeout: float | None) -> float:
        """Seconds that the request still has. Raises DeadlinePassed if there are none."""
        limit = self.settings.timeout if timeout is None else min(timeout, self.settings.timeout)
        left = visit.started + limit - time.monotonic()
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
