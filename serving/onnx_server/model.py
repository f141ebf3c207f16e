"""One version of a model, loaded: its bundle, the variant that is served, and the scheduler before its sessions."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.bundle import Bundle
from serving.cpu import cores
from serving.errors import UserError
from serving.onnx_server.admission import Admission
from serving.onnx_server.scheduler import Scheduler
from serving.onnx_server.settings import Settings
from serving.onnx_server.statistics import Statistics
from serving.session import Session, check_golden, open_variant

TINY_MS = 1.0
"""A model that answers sooner gains nothing from a second thread."""
BATCH = 32
WORTH = 0.9
"""Batches are made where one of eight takes less than this share of eight calls."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What loading gives; it takes its time, so that it happens in a thread."""

    bundle: Bundle
    variant: str
    sessions: list[Session]
    threads: int
    max_batch: int
    seconds: float
    memory_bytes: int
    """By how much the process grew."""


def load(bundle: Bundle, variant: str, settings: Settings) -> Loaded:
    """Open the sessions, check their golden outputs and warm them up. Raises UserError."""
    started, before = time.perf_counter(), _resident_bytes()
    threads, max_batch = _threads(bundle, variant, settings), _max_batch(bundle, variant, settings)
    sessions = [open_variant(bundle, variant, threads) for _ in range(settings.sessions)]
    inputs, _ = bundle.golden()
    for session in sessions:
        check_golden(session, bundle, variant)
        session.run({name: _rows(values, max_batch) for name, values in inputs.items()})
    return Loaded(
        bundle=bundle,
        variant=variant,
        sessions=sessions,
        threads=threads,
        max_batch=max_batch,
        seconds=time.perf_counter() - started,
        memory_bytes=max(0, _resident_bytes() - before),
    )


def fastest(bundle: Bundle) -> str:
    """The accepted ONNX variant with the shortest call. Raises UserError if there is none."""
    if not (names := onnx_variants(bundle)):
        raise UserError(f"{bundle.root}: has no accepted onnx-* variant; export one with --variants onnx-fp32")
    return min(names, key=lambda name: bundle.variants[name].speed.batch_1_ms)


def onnx_variants(bundle: Bundle) -> list[str]:
    return [name for name in bundle.accepted if name.startswith("onnx-")]


class Model:
    def __init__(self, name: str, loaded: Loaded, settings: Settings) -> None:
        self.name, self.loaded = name, loaded
        self.bundle, self.version = loaded.bundle, loaded.bundle.version
        self.input_specs = {spec.name: spec for spec in self.bundle.inputs}
        self.output_names = [spec.name for spec in self.bundle.outputs]
        self.statistics = Statistics()
        self.scheduler = Scheduler(loaded.sessions, max_batch=loaded.max_batch, max_delay=settings.max_delay_ms / 1000)
        running = loaded.max_batch * settings.sessions
        self.admission = Admission(name, settings.max_queue + running, self.scheduler.expected_wait)

    async def close(self) -> None:
        """Let the requests that it has be answered, then end its threads."""
        await self.admission.close()
        self.scheduler.close()


def _threads(bundle: Bundle, variant: str, settings: Settings) -> int:
    if settings.threads:
        return settings.threads
    if bundle.variants[variant].speed.batch_1_ms < TINY_MS:
        return 1
    return max(1, cores() // settings.sessions)


def _max_batch(bundle: Bundle, variant: str, settings: Settings) -> int:
    if not all(spec.shape[:1] == (-1,) for spec in (*bundle.inputs, *bundle.outputs)):
        return 1  # there is no axis to put samples on
    if settings.max_batch:
        return settings.max_batch
    speed = bundle.variants[variant].speed
    return BATCH if speed.batch_8_ms < WORTH * 8 * speed.batch_1_ms else 1


def _rows(values: np.ndarray, count: int) -> np.ndarray:
    """`count` samples, repeated from those that are there."""
    return np.resize(values, (count, *values.shape[1:]))


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
