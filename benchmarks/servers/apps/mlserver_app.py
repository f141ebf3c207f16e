"""A custom runtime of MLServer as its documentation writes one: load and predict; model-settings.json names it.

Its parameters hold the model as `uri`, and the threads of an operator in `extra`. It gets a whole batch as one request.
"""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from onnx_model import OnnxModel


class OnnxRuntime(MLModel):  # type: ignore[misc] # which mypy cannot see
    async def load(self) -> bool:
        parameters = self.settings.parameters
        self.model = OnnxModel(parameters.uri, parameters.extra["threads"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        outputs = self.model.run({tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs})
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[NumpyCodec.encode_output(name, values) for name, values in outputs.items()],
        )
