"""Requests over gRPC as an exchange takes them: what is read of a message, and the message that answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.serving.onnx_server.in_process import model_of_bundle
from tests.serving.tiny_bundle import GOLDEN, written
from tests.serving.wire import in_loop
from torchferry.serving.codec import predictions_grpc
from torchferry.serving.errors import WrongParameter
from torchferry.serving.onnx_server.grpc.forms import InferForm, PredictionsForm


@in_loop
async def test_tensors_are_read_in_the_loop_and_answered_raw(tmp_path: Path) -> None:
    model = model_of_bundle(written(tmp_path))
    message: Any = messages.ModelInferRequest(model_name="tiny", id="7", raw_input_contents=[GOLDEN.tobytes()])
    message.inputs.add(name="row", shape=GOLDEN.shape, datatype="FP32")
    form = InferForm(message)
    assert not form.is_large
    asked = form.read(model)
    np.testing.assert_array_equal(asked.inputs["row"], GOLDEN)
    answer: Any = form.write(model, asked, {"probabilities": GOLDEN})
    assert (answer.id, answer.outputs[0].name, answer.raw_output_contents[0]) == (
        "7",
        "probabilities",
        GOLDEN.tobytes(),
    )


def test_a_picture_is_not_read_aside() -> None:
    assert not PredictionsForm(predictions_grpc.Request(input={"data": b"\x89PNG\r\n\x1a\n"})).is_large


@in_loop
@pytest.mark.parametrize("name", ["data", "body"])
async def test_predictions_are_read_aside_from_either_name(tmp_path: Path, name: str) -> None:
    model = model_of_bundle(written(tmp_path))
    content = json.dumps({"instances": GOLDEN.tolist()}).encode()
    form = PredictionsForm(predictions_grpc.Request(input={name: content, "top_k": b"1"}))
    assert form.is_large
    asked = form.read(model)
    np.testing.assert_array_equal(asked.inputs["row"], GOLDEN)
    answer: Any = form.write(model, asked, {"probabilities": GOLDEN})
    assert len(json.loads(answer.prediction)["predictions"]) == len(GOLDEN)
    with pytest.raises(WrongParameter):
        PredictionsForm(predictions_grpc.Request(input={name: content, "top_k": b"few"})).read(model)
