"""One version of a model, loaded: its bundle, the variant that is served, and the scheduler before its sessions."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.choice import Choice
from torchferry.serving.bundle.state import start_of
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.decoders import Decoders
from torchferry.serving.onnx_server.models.admission import Admission
from torchferry.serving.onnx_server.models.plan import Plan, planned, say_cap
from torchferry.serving.onnx_server.models.response_cache import ResponseCache
from torchferry.serving.onnx_server.models.scheduler import Scheduler
from torchferry.serving.onnx_server.models.sequences import Sequences
from torchferry.serving.onnx_server.models.sessions import ServedSession, open_sessions
from torchferry.serving.onnx_server.models.tune import repeated, tuned
from torchferry.serving.onnx_server.remembered import Remembered
from torchferry.serving.onnx_server.settings import Settings
from torchferry.serving.onnx_server.telemetry.label_counts import Answers
from torchferry.serving.onnx_server.telemetry.metrics import ModelMetrics
from torchferry.serving.onnx_server.telemetry.statistics import Statistics
from torchferry.serving.session import check_golden
from torchferry.serving.session.onnx_session import Cancellation
from torchferry.serving.session.padding import Padding
from torchferry.serving.session.runtimes import FIRST, ONNX, by_preference, served_by

HAND_OVER_SECONDS, STALL_SECONDS = 0.0002, 0.002
"""A sample that takes less than the first is computed in the event loop, because handing it to a thread and back takes
as long; unless the largest batch takes more than the second, for which everybody else would wait, also one of the
largest samples."""
CALLS, LONG_SECONDS = 5, 0.05


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What loading gives; it takes its time, so that it happens in a thread."""

    bundle: Bundle
    variant: str
    plan: Plan
    sessions: list[ServedSession]
    seconds: float
    inline: bool
    """Whether it is computed in the event loop."""
    memory_bytes: int
    """By how much the process grew."""
    example: Mapping[str, Any] | None
    """Of a table a record, from the golden samples."""
    decoders: Decoders
    """Of pictures, texts and sounds."""
    start: Mapping[str, np.ndarray] = field(default_factory=dict)
    """What a sequence begins with, of a model that carries state."""


def load(bundle: Bundle, variant: str, settings: Settings, cancellation: Cancellation | None = None) -> Loaded:
    """Open the sessions, check their golden outputs and warm them up, unless it is cancelled. Raises UserError."""
    started, before = time.perf_counter(), _resident_bytes()
    decoders = Decoders.of(bundle)
    say_cap(bundle, settings)
    plan = tuned(bundle, variant, settings, cancellation) if settings.tune else planned(bundle, variant, settings)
    sessions = open_sessions(bundle, variant, plan.threads, plan.sessions, settings.provider, cancellation)
    inputs, _ = bundle.golden()
    for session in sessions:
        check_golden(session, bundle, variant)
        seconds = [_seconds(session, inputs, samples) for samples in (1, plan.max_batch)]
    longest = _longest(inputs, bundle.inputs)
    if longest is not inputs:
        seconds[1] = max(seconds[1], plan.max_batch * _seconds(sessions[0], longest, 1))
    return Loaded(
        bundle=bundle,
        variant=variant,
        plan=plan,
        sessions=sessions,
        seconds=time.perf_counter() - started,
        # Several sessions in one loop would only wait for each other, and of a capped one a request with many samples
        # takes as long as so many calls.
        inline=plan.sessions == 1
        and bundle.max_batch is None
        and seconds[0] < HAND_OVER_SECONDS
        and seconds[1] < STALL_SECONDS,
        memory_bytes=max(0, _resident_bytes() - before),
        example=_record(bundle, inputs),
        decoders=decoders,
        start=start_of(bundle) if bundle.state else {},
    )


def chosen(bundle: Bundle) -> Choice:
    """Which accepted variant serves where none is named, and why. Raises UserError if there is none.

    A bundle of before choices goes on with its shortest call, as model.json has it, so that none changes by itself.
    """
    if not (names := by_preference(served_by(ONNX, bundle.accepted))):
        raise UserError(f"{bundle.root}: has no accepted variant for this server; export one with --variants {FIRST}")
    if bundle.choice is None:
        shortest = min(names, key=lambda name: bundle.variants[name].speed.batch_1_ms)
        return Choice(variant=shortest, reason="the shortest call in a bundle that says no choice; export says one")
    if bundle.choice.variant in names:
        return bundle.choice
    other = f"{bundle.choice.variant}, which the bundle chose, is no accepted variant for this server"
    return Choice(variant=names[0], reason=f"{other}; of those that are, it is the most exact")


def why_served(bundle: Bundle, variant: str) -> str:
    choice = chosen(bundle)
    return choice.reason if choice.variant == variant else f"it was named; the bundle's own is {choice.variant}"


class Model:
    def __init__(self, name: str, loaded: Loaded, settings: Settings) -> None:
        self.name, self.loaded = name, loaded
        self.bundle, self.version = loaded.bundle, loaded.bundle.version
        self.input_specs = {spec.name: spec for spec in self.bundle.inputs}
        self.output_names = [spec.name for spec in self.bundle.outputs]
        self.output_datatypes = {spec.name: spec.datatype for spec in self.bundle.outputs}
        self.most_samples = settings.max_request_batch
        """In one request."""
        self.heads: Remembered[bytes, Any] = Remembered()
        """What REST requests ask for, by their JSON."""
        padding = Padding(self.bundle, settings.max_padding, settings.max_batch_elements)
        self.axes = padding.axes
        self.statistics = Statistics()
        self.counts: ModelMetrics
        """Of its name and version, from when it is served."""
        self.answers: Answers | None = None
        """Where its own are counted by label, if they are: another model of its name and version may have others."""
        self.sessions, self.load_seconds, self.memory_bytes = len(loaded.sessions), loaded.seconds, loaded.memory_bytes
        plan = loaded.plan
        self.scheduler = Scheduler(
            loaded.sessions,
            max_batch=plan.max_batch,
            max_delay=settings.max_delay_ms / 1000,
            inline=loaded.inline,
            cap=self.bundle.max_batch,
            padding=padding if padding.axes else None,
        )
        self.cache = ResponseCache(settings.cache_bytes)
        self.sequences = Sequences(
            name,
            self.bundle,
            loaded.start,
            settings.sequences,
            settings.sequence_timeout,
            lambda reason: self.counts.sequence_ended(reason).add(),
        )
        # Requests in a session are inside as well, and are not among those that wait.
        running = plan.max_batch * plan.sessions
        self.admission = Admission(name, settings.max_queue + running, self.scheduler.expected_wait)

    @property
    def queued(self) -> int:
        return self.scheduler.queued

    @property
    def in_flight(self) -> int:
        return self.admission.inside

    async def close(self) -> None:
        """Let the requests that it has be answered, then end its threads."""
        # First, because the scheduler may be closed only when nothing is queued or running.
        await self.admission.close()
        self.scheduler.close()
        self.sequences.close()


def _record(bundle: Bundle, inputs: Mapping[str, np.ndarray]) -> Mapping[str, Any] | None:
    spec = bundle.table
    return spec.table.record(inputs[spec.name][0]) if spec and spec.table else None


def _seconds(session: ServedSession, inputs: Mapping[str, np.ndarray], samples: int) -> float:
    """The quickest of a few calls, the first of which warms the session up."""
    batch = {name: repeated(values, samples) for name, values in inputs.items()}
    times: list[float] = []
    while len(times) < CALLS and sum(times) < LONG_SECONDS:
        started = time.perf_counter()
        session.run(batch)
        times.append(time.perf_counter() - started)
    return min(times)


def _longest(inputs: Mapping[str, np.ndarray], specs: Sequence[TensorSpec]) -> Mapping[str, np.ndarray]:
    """Samples repeated up to the largest size on each axis; the same where none varies."""
    made = dict(inputs)
    for spec in specs:
        for axis in spec.axes:
            places = np.arange(axis.sizes[-1]) % made[spec.name].shape[axis.at]
            made[spec.name] = made[spec.name].take(places, axis=axis.at)
    return made if any(spec.axes for spec in specs) else inputs


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
