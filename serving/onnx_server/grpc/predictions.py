"""TorchServe's Predictions call over gRPC, for clients that have moved."""

from torchferry.serving.codec.predictions_grpc import PredictionResponse, PredictionsRequest
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.exchange import Exchange
from torchferry.serving.onnx_server.grpc.call import ANSWERED, identify, refuse, say
from torchferry.serving.onnx_server.grpc.forms import PredictionsForm
from torchferry.serving.onnx_server.grpc.interfaces import Context
from torchferry.serving.onnx_server.grpc.open_calls import CALLER


class Predictions:
    def __init__(self, plane: DataPlane) -> None:
        self.plane = plane

    async def __call__(self, request: PredictionsRequest, context: Context) -> PredictionResponse:
        exchange: Exchange[PredictionResponse] = Exchange(
            self.plane, "grpc-predictions", timeout=context.time_remaining(), client=CALLER.get()
        )
        try:
            identify(self.plane, exchange.context, context)
            if exchange.admit(request.model_name, request.model_version):
                exchange.take(PredictionsForm(request))
            answer = await exchange.outcome()
            say(exchange.context, context)
            return answer
        except ANSWERED as error:
            await refuse(context, error, exchange.context)
