"""Requests over gRPC as an exchange takes them: ModelInferRequest, and TorchServe's PredictionsRequest."""

from torchferry.serving.codec import predictions_json
from torchferry.serving.codec.predictions_grpc import PredictionResponse, PredictionsRequest, Response
from torchferry.serving.codec.predictions_json import read_request, read_top_k
from torchferry.serving.onnx_server.grpc import messages
from torchferry.serving.onnx_server.grpc.interfaces import InferRequest, InferResponse
from torchferry.serving.onnx_server.inference import Inference, Outputs
from torchferry.serving.onnx_server.models.model import Model


class InferForm:
    __slots__ = ("request",)
    is_large = False

    def __init__(self, request: InferRequest) -> None:
        self.request = request

    def read(self, model: Model) -> Inference:
        return messages.read(self.request, model)

    def write(self, model: Model, asked: Inference, outputs: Outputs) -> InferResponse:
        return messages.write(asked, outputs, model)


class PredictionsForm:
    """Always read in a thread: a file may be a picture of any size."""

    __slots__ = ("read_as", "request", "top_k")
    is_large = True

    def __init__(self, request: PredictionsRequest) -> None:
        self.request, self.top_k = request, request.input.get("top_k")
        self.read_as: predictions_json.Request

    def read(self, model: Model) -> Inference:
        read_top_k(self.top_k)
        given = self.request.input
        # TorchServe's own handlers read either name.
        body = next((given[name] for name in ("data", "body") if name in given), b"")
        self.read_as = read_request(body, model.bundle)
        return Inference(self.read_as.inputs)

    def write(self, model: Model, _asked: Inference, outputs: Outputs) -> PredictionResponse:
        text = predictions_json.answer(self.read_as, outputs, model.bundle, model.name, read_top_k(self.top_k))
        return Response(prediction=text.encode())
