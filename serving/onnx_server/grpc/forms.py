"""Requests over gRPC as an exchange takes them: ModelInferRequest, and TorchServe's PredictionsRequest."""

from torchferry.serving.codec.predictions_grpc import PredictionResponse, PredictionsRequest, Response
from torchferry.serving.errors import NotDecodable
from torchferry.serving.onnx_server import predictions_form
from torchferry.serving.onnx_server.grpc import messages
from torchferry.serving.onnx_server.grpc.interfaces import InferRequest, InferResponse
from torchferry.serving.onnx_server.inference import Inference, Outputs
from torchferry.serving.onnx_server.models.model import Model

BODY = ("data", "body")
"""TorchServe's own handlers read either name."""


class InferForm:
    __slots__ = ("request",)
    is_large = False

    def __init__(self, request: InferRequest) -> None:
        self.request = request

    def read(self, model: Model) -> Inference:
        return messages.read(self.request, model)

    def write(self, model: Model, asked: Inference, outputs: Outputs) -> InferResponse:
        return messages.write(asked, outputs, model)


class PredictionsForm(predictions_form.PredictionsForm):
    __slots__ = ("request",)

    def __init__(self, request: PredictionsRequest) -> None:
        super().__init__(request.input.get("top_k"))
        self.request = request

    def content(self) -> bytes:
        names = [name for name in self.request.input if name != "top_k"]
        if len(names) != 1 or names[0] not in BODY:
            said = ", ".join(sorted(names))[:200] or "nothing"
            raise NotDecodable(f"the input has {said}; it has one of {' and '.join(BODY)}, and may have top_k")
        return self.request.input[names[0]]

    def write(self, model: Model, _asked: Inference, outputs: Outputs) -> PredictionResponse:
        return Response(prediction=self.text(model, outputs))
