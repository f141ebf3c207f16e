"""A model to ask in this process: a session of a test's own, behind a scheduler and everything that counts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry

from serving.bundle import Bundle, TensorSpec
from serving.onnx_server.dataplane import DataPlane
from serving.onnx_server.models.model import Loaded, Model
from serving.onnx_server.models.plan import Plan
from serving.onnx_server.models.repository import Repository
from serving.onnx_server.models.versions import STABLE, Versions
from serving.onnx_server.settings import Settings
from serving.onnx_server.telemetry.metrics import Metrics
from tests.serving.onnx_server.models.held import Held, until
from tests.serving.small import small_bundle

X, Y = (TensorSpec(name=name, datatype="FP64", shape=(-1, 2)) for name in ("x", "y"))


def held_bundle(**change: Any) -> Bundle:
    """What `Held` takes and gives."""
    return small_bundle(**{"inputs": (X,), "outputs": (Y,)} | change)


def small_model(session: Any, settings: Settings, bundle: Bundle) -> Model:
    loaded = Loaded(
        bundle=bundle,
        variant="onnx-fp32",
        plan=Plan(sessions=1, threads=3, max_batch=4),
        sessions=[session],
        seconds=0.5,
        inline=False,
        memory_bytes=0,
    )
    return Model("small", loaded, settings)


@asynccontextmanager
async def serving(
    session: Held, bundle: Bundle | None = None, **settings: Any
) -> AsyncIterator[tuple[DataPlane, Model]]:
    """A plane with the model `small` on the session, as it is once it is loaded."""
    chosen, metrics = Settings(**settings), Metrics(CollectorRegistry())
    plane = DataPlane(chosen, Repository(chosen, metrics), metrics)
    model = small_model(session, chosen, bundle or held_bundle())
    plane.repository.models["small"] = Versions("small")
    plane.repository.versions("small").put(model, STABLE, 0.0)
    metrics.loaded(model)
    plane.loaded = True
    try:
        yield plane, model
    finally:
        session.may_run.release(1000)
        await until(lambda: model.scheduler.queued == model.scheduler.running == 0)
        model.scheduler.close()
        plane.threads.shutdown()
