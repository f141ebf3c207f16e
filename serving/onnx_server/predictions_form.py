"""TorchServe's call as an exchange takes it, whichever protocol brings it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from torchferry.serving.codec import predictions_json
from torchferry.serving.codec.answer_file import Sent
from torchferry.serving.codec.predictions_json import read_request, read_top_k
from torchferry.serving.codec.upload import Upload
from torchferry.serving.onnx_server.inference import Inference, Outputs
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.pieces import Pieces

Written = TypeVar("Written")


class PredictionsForm(ABC):
    """A file, rows, a form or JSON."""

    __slots__ = ("read_as", "top_k")

    def __init__(self, top_k: bytes | str | None) -> None:
        """`top_k`: how many labels are wanted, as it was sent."""
        self.top_k = top_k
        self.read_as: predictions_json.Request

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes, as it was sent."""

    @property
    @abstractmethod
    def is_large(self) -> bool:
        """All but a picture, which is not looked at here: rows, forms and JSON may be long to read."""

    @abstractmethod
    def content(self) -> Upload:
        """What the model is asked with; a form may also say `top_k`. Raises RequestError."""

    def read(self, model: Model) -> Inference:
        sent = self.content()
        read_top_k(self.top_k)
        self.read_as = read_request(sent.body, model.bundle, model.most_samples, sent.content_type)
        return Inference(self.read_as.inputs, self.read_as.files)

    def answer(
        self, model: Model, asked: Inference, outputs: Outputs, made: Callable[[list[bytes]], Written]
    ) -> Written | Pieces[Written]:
        """What is `made` of the pieces of the answer as JSON."""
        bundle, request = model.bundle, self.read_as
        if asked.placements:
            request = replace(request, placements=asked.placements)
        pieces = map(
            str.encode,
            predictions_json.answer_pieces(request, outputs, bundle, model.name, read_top_k(self.top_k)),
        )
        if asked.placements and bundle.task.masks:
            return Pieces(pieces, made, are_long=True, keeps_lock=True)
        return Pieces(pieces, made) if predictions_json.is_long(outputs) else made(list(pieces))

    def sent(self, asked: Inference) -> Sent | None:
        """The first picture of the request, where it was sent as a file."""
        return replace(self.read_as, placements=asked.placements).sent()
