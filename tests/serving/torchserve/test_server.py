"""A real TorchServe with both variants, over REST and gRPC."""

import csv
import http.server
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import urllib3
from PIL import Image

from tests.commands import run_command
from tests.some import some
from torchferry.serving.client import Client, GrpcClient, Refused, RestClient
from torchferry.training.models.saved import evaluation_data, load_model

MODELS = ["digits-torch", "digits-onnx-fp32"]
SHAPE = [1, 1, 8, 8]


@pytest.fixture(params=["rest", "grpc"])
def client(request: pytest.FixtureRequest, addresses: dict[str, str]) -> Iterator[Client]:
    kind = {"rest": RestClient, "grpc": GrpcClient}[request.param]
    with kind(addresses[request.param]) as client:
        yield client


@pytest.fixture(scope="module")
def rows(samples: Path) -> list[dict[str, str]]:
    with (samples / "samples.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def post(addresses: dict[str, str], path: str, body: bytes, content_type: str = "application/json") -> tuple[int, dict]:
    answer = urllib3.request("POST", addresses["rest"] + path, body=body, headers={"Content-Type": content_type})
    return answer.status, answer.json()


def tensor(**change: object) -> bytes:
    return json.dumps(
        {"inputs": [{"name": "image", "shape": SHAPE, "datatype": "UINT8", "data": [0] * 64} | change]}
    ).encode()


@pytest.mark.parametrize("model", MODELS)
def test_images_get_the_checkpoints_labels(
    client: Client, model: str, rows: list[dict[str, str]], samples: Path
) -> None:
    for row in some(rows):
        answer = client.predict(model, (samples / row["file"]).read_bytes())
        assert answer["label"] == row["predicted"]
        assert answer["probability"] == answer["top_k"][0]["probability"] <= 1
        assert len(answer["top_k"]) == 5


@pytest.mark.parametrize("model", MODELS)
def test_tensors_get_the_checkpoints_probabilities(client: Client, model: str, run: Path) -> None:
    checkpoint, card = load_model(run)
    images = evaluation_data(card).test[:5][0]
    with torch.no_grad():
        expected = checkpoint(images).softmax(dim=1).numpy()
    answered = client.infer(model, {"image": images.numpy()})["probabilities"]
    np.testing.assert_allclose(answered, expected, atol=1e-5)


def test_a_jpeg_of_another_size_and_colour_is_answered(client: Client) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), "white").save(buffer, "JPEG")
    assert client.predict(MODELS[0], buffer.getvalue())["label"]


def test_the_open_inference_protocols_path_answers(addresses: dict[str, str]) -> None:
    status, answer = post(addresses, "/v2/models/digits-torch/infer", tensor())
    assert status == 200
    assert answer["outputs"][0]["shape"] == [1, 10]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"not an image", 400, "are not an image"),
        (b"", 400, "are not an image"),
        (b"\x89PNG\r\n\x1a\n", 400, "image"),
        (b"{", 400, "not JSON of the form"),
        (tensor(shape=[1, 1, 8, 9]), 422, "[1, 1, 8, 9]; the model takes [-1, 1, 8, 8]"),
        (tensor(datatype="FP32"), 422, "datatype FP32; the model takes UINT8"),
        (tensor(name="picture"), 422, "the model takes 'image'"),
        (tensor(data=[1]), 422, "data"),
    ],
)
def test_bad_input_gets_4xx_json_and_harms_nobody(
    addresses: dict[str, str], model: str, body: bytes, status: int, words: str
) -> None:
    answered, answer = post(addresses, f"/predictions/{model}", body, "application/octet-stream")
    assert answered == status
    assert set(answer) == {"error", "code", "detail"}
    assert words in answer["detail"]
    assert post(addresses, f"/predictions/{model}", tensor())[0] == 200


def test_a_client_tells_what_was_wrong(client: Client) -> None:
    with pytest.raises(Refused, match="are not an image"):
        client.predict(MODELS[0], b"not an image")
    with pytest.raises(Refused, match="nobody"):
        client.predict("nobody", b"not an image")


def test_a_proxy_of_the_environment_is_left_alone(addresses: dict[str, str], samples: Path) -> None:
    image = next(samples.glob("*/*.png"))
    for protocol in ("rest", "grpc"):
        command = ("-m", "torchferry", "predict", "--model", MODELS[0], *options(addresses, protocol), image)
        done = run_command(*command, http_proxy="http://127.0.0.1:9")
        assert done.returncode == 0, done.stderr


def test_an_answer_that_is_no_prediction_is_told_in_one_line(tmp_path: Path) -> None:
    """Some other server: here one that knows no POST and answers 501 with HTML."""
    tensors = tmp_path / "tensors.json"
    tensors.write_bytes(tensor())
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        done = run_command("-m", "torchferry", "predict", tensors, "--model", "m", "--port", other.server_port)
        other.shutdown()
    assert done.returncode == 1
    assert "m answered 501" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_tensors_are_not_predict_s_business(client: Client) -> None:
    with pytest.raises(Refused, match="was it sent the bytes of a file"):
        client.predict(MODELS[0], tensor())


def test_prometheus_metrics_are_served(addresses: dict[str, str]) -> None:
    assert post(addresses, "/predictions/digits-torch", tensor())[0] == 200
    text = urllib3.request("GET", addresses["metrics"]).data.decode()
    assert 'ts_inference_requests_total{model_name="digits-torch"' in text


def options(addresses: dict[str, str], protocol: str) -> tuple[str, ...]:
    port = addresses[protocol].rpartition(":")[2]
    return ("--grpc", "--grpc-port", port) if protocol == "grpc" else ("--port", port)


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_predict_command(
    addresses: dict[str, str], protocol: str, rows: list[dict[str, str]], samples: Path, tmp_path: Path
) -> None:
    files = [samples / row["file"] for row in rows[:3]]
    command = ("-m", "torchferry", "predict", "--model", MODELS[1], *options(addresses, protocol))
    done = run_command(*command, *files)
    assert done.returncode == 0, done.stderr
    words = [line.split() for line in done.stdout.splitlines()]
    assert [(label, file) for label, _, file in words] == [
        (row["predicted"], str(file)) for row, file in zip(rows, files, strict=False)
    ]
    wrong = tmp_path / "wrong.png"
    wrong.write_text("not an image")
    for file, reason in ((wrong, "are not an image"), (tmp_path / "missing.png", "cannot be read")):
        done = run_command(*command, file)
        assert done.returncode == 2
        assert str(file) in done.stderr
        assert reason in done.stderr
        assert len(done.stderr.splitlines()) == 1
