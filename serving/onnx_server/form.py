"""A request as its protocol has it, which an exchange reads and answers."""

from typing import Protocol, TypeVar

from torchferry.serving.onnx_server.inference import Inference, Outputs
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.pieces import Pieces

Written = TypeVar("Written", covariant=True)


class Form(Protocol[Written]):
    @property
    def size(self) -> int:
        """Bytes, as it was sent."""

    @property
    def is_large(self) -> bool:
        """Whether to read it would hold up the others, so that a thread does."""

    def read(self, model: Model) -> Inference:
        """What it asks for. Raises RequestError."""

    def write(self, model: Model, asked: Inference, outputs: Outputs) -> Written | Pieces[Written]:
        """Pieces where it would hold up the others."""
