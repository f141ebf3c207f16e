"""Requests over gRPC as an exchange takes them: ModelInferRequest, and TorchServe's PredictionsRequest."""

from torchferry.contract.image_formats import HEAD, is_picture
from torchferry.serving.codec.predictions_grpc import PredictionResponse, PredictionsRequest, Response
from torchferry.serving.codec.sent_pixels import in_sent_pixels
from torchferry.serving.codec.upload import Upload, the_input
from torchferry.serving.onnx_server import predictions_form
from torchferry.serving.onnx_server.exchange import LARGE
from torchferry.serving.onnx_server.grpc import messages
from torchferry.serving.onnx_server.grpc.interfaces import InferRequest, InferResponse
from torchferry.serving.onnx_server.inference import Inference, Outputs
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.pieces import Pieces


class InferForm:
    __slots__ = ("request",)

    def __init__(self, request: InferRequest) -> None:
        self.request = request

    @property
    def size(self) -> int:
        # ByteSize would write all of it, 2 ms for each MiB.
        raw = self.request.raw_input_contents
        return sum(map(len, raw)) if raw else self.request.ByteSize()

    @property
    def is_large(self) -> bool:
        """Raw elements are only pointed at."""
        return not self.request.raw_input_contents and self.size > LARGE

    def read(self, model: Model) -> Inference:
        return messages.read(self.request, model)

    def write(self, model: Model, asked: Inference, outputs: Outputs) -> InferResponse:
        return messages.write(asked, in_sent_pixels(model.bundle, outputs, asked.placements), model)


class PredictionsForm(predictions_form.PredictionsForm):
    __slots__ = ("bytes", "has_picture", "request")

    def __init__(self, request: PredictionsRequest) -> None:
        super().__init__(request.input.get("top_k"))
        self.request = request
        parts = request.input.values()  # each a copy
        self.bytes, self.has_picture = 0, False
        for part in parts:
            self.bytes += len(part)
            self.has_picture = self.has_picture or is_picture(part[:HEAD])

    @property
    def size(self) -> int:
        return self.bytes

    @property
    def is_large(self) -> bool:
        return not self.has_picture

    def content(self) -> Upload:
        return Upload(the_input(self.request.input, ("top_k",)))

    def write(
        self, model: Model, asked: Inference, outputs: Outputs
    ) -> PredictionResponse | Pieces[PredictionResponse]:
        return self.answer(model, asked, outputs, lambda text: Response(prediction=b"".join(text)))
