"""Exchanges in this process, of forms that are read already."""

import io
import threading
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.serving.onnx_server.models.held import Held, sample
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.exchange import Exchange
from torchferry.serving.onnx_server.inference import Inference, Outputs
from torchferry.serving.onnx_server.models.model import Model


class Free(Held):
    """Answers at once."""

    def __init__(self) -> None:
        super().__init__()
        self.may_run.release(1000)


@dataclass
class Asking:
    """The form of a request that is read already."""

    asked: Inference
    is_large: bool = False
    size: int = 0
    may_read: threading.Event = field(default_factory=threading.Event)
    has_read: threading.Event = field(default_factory=threading.Event)

    def read(self, _model: Model) -> Inference:
        if self.is_large:
            assert self.may_read.wait(60)
        self.has_read.set()
        return self.asked

    def write(self, _model: Model, _asked: Inference, outputs: Outputs) -> Outputs:
        return outputs


def begin(
    plane: DataPlane, asked: Inference, timeout: float | None = None, client: str = "", **form: Any
) -> Exchange[Outputs]:
    exchange: Exchange[Outputs] = Exchange(plane, "rest", timeout=timeout, client=client)
    assert exchange.admit("tiny", "")
    exchange.take(Asking(asked, **form))
    return exchange


async def ask(plane: DataPlane, value: float, **wanted: Any) -> Outputs:
    return await begin(plane, Inference(sample(value), **wanted)).outcome()


def counted(plane: DataPlane, outcome: str, model: str = "tiny", version: str = "1.0") -> float | None:
    labels = {"model": model, "version": version, "protocol": "rest", "outcome": outcome}
    return plane.metrics.registry.get_sample_value("torchferry_serve_requests_total", labels)


def pictures_of(side: int) -> TensorSpec:
    grey = ImageDecode(mode="L", height=2, width=2, interpolation="nearest")
    return TensorSpec(name="x", datatype="UINT8", shape=(-1, 1, side, side), decode=grey)


def picture(side: int) -> bytes:
    file = io.BytesIO()
    Image.new("1", (side, side)).save(file, "PNG")
    return file.getvalue()
