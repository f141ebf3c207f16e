"""The execution plan of a model: sessions, threads of each, and samples computed together."""

import sys
from dataclasses import dataclass

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.cpu import cores
from torchferry.serving.onnx_server.settings import Settings

TINY_MS = 1.0
"""A model that answers sooner gains nothing from a second thread."""
BATCH = 32
WORTH = 0.9
"""Batches are made where one of eight takes less than this share of eight calls."""


@dataclass(frozen=True)
class Plan:
    sessions: int
    threads: int
    """Of each session."""
    max_batch: int


def planned(bundle: Bundle, variant: str, settings: Settings) -> Plan:
    """What is set, and for the rest what the bundle's own measurement suggests."""
    sessions, speed = settings.sessions or 1, bundle.variants[variant].speed
    threads = 1 if speed.batch_1_ms < TINY_MS else max(1, cores() // sessions)
    max_batch = BATCH if speed.batch_8_ms < WORTH * 8 * speed.batch_1_ms else 1
    return Plan(sessions, settings.threads or threads, most_together(bundle, settings.max_batch or max_batch))


def most_together(bundle: Bundle, wanted: int) -> int:
    """`wanted` samples, or as many as the bundle allows, or 1 where there is no axis to put more on."""
    if not bundle.has_batch_axis:
        return 1
    return wanted if bundle.max_batch is None else min(wanted, bundle.max_batch)


def say_cap(bundle: Bundle, settings: Settings) -> None:
    """That the bundle's own limit wins over what the server was told."""
    if bundle.max_batch is not None and settings.max_batch > bundle.max_batch:
        limit = f"{bundle.max_batch} sample{'s' if bundle.max_batch > 1 else ''}"
        text = f"{bundle.name} {bundle.version} was exported for at most {limit} together"
        print(f"torchferry: {text}; --max-batch {settings.max_batch} is not used", file=sys.stderr, flush=True)
