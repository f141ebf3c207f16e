"""TorchServe's Predictions call over gRPC, for clients that have moved."""

from torchferry.serving.codec.predictions_grpc import PredictionResponse, PredictionsRequest, Response
from torchferry.serving.codec.predictions_json import answer as answer_text
from torchferry.serving.codec.predictions_json import read_request, read_top_k
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.grpc.call import ANSWERED, refuse, say, timeout_of, trace
from torchferry.serving.onnx_server.grpc.interfaces import Context


class Predictions:
    def __init__(self, plane: DataPlane) -> None:
        self.plane = plane

    async def __call__(self, request: PredictionsRequest, context: Context) -> PredictionResponse:
        plane = self.plane
        try:
            with plane.context("grpc-predictions") as request_context:
                model = plane.find(request_context, request.model_name, request.model_version)
                with model.admission:
                    trace(plane, request_context, context)
                    # TorchServe's own handlers read either name.
                    body = next((request.input[name] for name in ("data", "body") if name in request.input), b"")
                    top_k = read_top_k(request.input.get("top_k"))
                    timeout = timeout_of(None, context)
                    asked = await plane.in_thread(
                        read_request, body, model.bundle, context=request_context, timeout=timeout
                    )
                    outputs = await plane.run(model, asked.inputs, request_context, timeout=timeout)
                    say(request_context, context)
                    return Response(prediction=answer_text(asked, outputs, model.bundle, model.name, top_k).encode())
        except ANSWERED as error:
            await refuse(context, error)
