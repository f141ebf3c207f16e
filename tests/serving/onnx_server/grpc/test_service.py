"""inference.GRPCInferenceService, call by call, and TorchServe's Predictions."""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.serving.onnx_server.calling import call, channel, infer_request, output_arrays
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.codec import predictions_grpc

IMAGE = np.zeros((1, 1, 8, 8), np.uint8)


@pytest.fixture(scope="module")
def target(asked: dict[str, str]) -> str:
    return asked["grpc"]


def test_health_and_what_the_server_is(target: str) -> None:
    assert call(target, "ServerLive", messages.ServerLiveRequest()).live
    assert call(target, "ServerReady", messages.ServerReadyRequest()).ready
    server = call(target, "ServerMetadata", messages.ServerMetadataRequest())
    assert (server.name, server.version) == ("torchferry", importlib.metadata.version("torchferry"))
    assert {"classification", "statistics"} <= set(server.extensions)


@pytest.mark.parametrize("version", ["", "1.0", "stable"])
def test_what_a_model_is(target: str, version: str) -> None:
    asked = {"name": "digits", "version": version}
    assert call(target, "ModelReady", messages.ModelReadyRequest(**asked)).ready
    described = call(target, "ModelMetadata", messages.ModelMetadataRequest(**asked))
    assert (described.name, list(described.versions), described.platform) == ("digits", ["1.0"], "onnxruntime_onnx")
    (image,), (output,) = described.inputs, described.outputs
    assert (image.name, image.datatype, list(image.shape)) == ("image", "UINT8", [-1, 1, 8, 8])
    assert (output.name, output.datatype, list(output.shape)) == ("probabilities", "FP32", [-1, 10])
    config = call(target, "ModelConfig", messages.ModelConfigRequest(**asked)).config
    assert (config.name, list(config.input[0].dims), config.instance_group[0].count) == ("digits", [1, 8, 8], 1)


def test_the_repository_is_listed_and_left_alone(target: str) -> None:
    listed = call(target, "RepositoryIndex", messages.RepositoryIndexRequest(ready=True)).models
    assert [(model.name, model.state) for model in listed][:2] == [("digits", "READY"), ("mirror", "READY")]
    for call_name in ("RepositoryModelLoad", "RepositoryModelUnload"):
        request = getattr(messages, f"{call_name}Request")(model_name="digits")
        with pytest.raises(grpc.RpcError, match="on the admin port") as error:
            call(target, call_name, request)
        assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert call(target, "ModelReady", messages.ModelReadyRequest(name="digits")).ready


def test_statistics_count_what_was_asked(target: str) -> None:
    def counts() -> Any:
        call(target, "ModelInfer", infer_request("digits", {"image": np.repeat(IMAGE, 3, axis=0)}))
        (statistics,) = call(target, "ModelStatistics", messages.ModelStatisticsRequest(name="digits")).model_stats
        return statistics

    before, after = counts(), counts()
    assert after.inference_count == before.inference_count + 3
    assert after.inference_stats.success.count == before.inference_stats.success.count + 1
    assert after.inference_stats.compute_infer.ns > before.inference_stats.compute_infer.ns
    assert len(call(target, "ModelStatistics", messages.ModelStatisticsRequest()).model_stats) == 4


@pytest.mark.parametrize("version", ["", "1.0"])
def test_tensors_get_the_checkpoints_answer(target: str, bundle: Path, version: str) -> None:
    inputs, expected = bundles.load(bundle).golden()
    response = call(target, "ModelInfer", infer_request("digits", inputs, model_version=version, id="number 7"))
    assert (response.model_name, response.model_version, response.id) == ("digits", "1.0", "number 7")
    np.testing.assert_allclose(output_arrays(response)["probabilities"], expected["probabilities"], atol=1e-5)


def test_only_the_outputs_that_were_asked_for(target: str, mirror: Path) -> None:
    inputs, _ = bundles.load(mirror).golden()
    request = infer_request("mirror", inputs)
    request.outputs.add(name="out_FP64")
    request.outputs.add(name="out_INT8")
    answered = output_arrays(call(target, "ModelInfer", request))
    assert list(answered) == ["out_FP64", "out_INT8"]
    np.testing.assert_array_equal(answered["out_FP64"], inputs["in_FP64"][:, ::-1])


def test_image_files_instead_of_the_tensor(target: str, samples: Path) -> None:
    files = [path.read_bytes() for path in sorted(samples.glob("*/*.png"))[:2]]
    typed, raw = (messages.ModelInferRequest(model_name="digits") for _ in range(2))
    typed.inputs.add(name="image", datatype="BYTES", shape=[2]).contents.bytes_contents.extend(files)
    raw.inputs.add(name="image", datatype="BYTES", shape=[2, 1])
    raw.raw_input_contents.append(b"".join(len(file).to_bytes(4, "little") + file for file in files))
    one, other = (output_arrays(call(target, "ModelInfer", request)) for request in (typed, raw))
    assert one["probabilities"].shape == (2, 10)
    np.testing.assert_array_equal(one["probabilities"], other["probabilities"])


def test_torchserves_call(target: str, samples: Path) -> None:
    image = sorted(samples.glob("*/*.png"))[0].read_bytes()
    tensors = json.dumps({"inputs": [{"name": "image", "shape": [1, 1, 8, 8], "datatype": "UINT8", "data": [0] * 64}]})
    with channel(target) as opened:
        predict = predictions_grpc.predictions(opened)
        for key, body, answered in (("data", image, "label"), ("body", image, "label"), ("data", tensors, "outputs")):
            given = body if isinstance(body, bytes) else body.encode()
            request = predictions_grpc.Request(model_name="digits", model_version="1.0", input={key: given})
            assert answered in json.loads(predict(request, timeout=60).prediction)
        for model, body, code in (
            ("digits", b"no image", grpc.StatusCode.INVALID_ARGUMENT),
            ("nobody", image, grpc.StatusCode.NOT_FOUND),
        ):
            with pytest.raises(grpc.RpcError) as error:
                predict(predictions_grpc.Request(model_name=model, input={"data": body}), timeout=60)
            assert error.value.code() is code
