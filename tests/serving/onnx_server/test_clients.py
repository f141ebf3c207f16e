"""Clients that others have written, unmodified, and our own."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.commands import run_command
from tests.serving.onnx_server.clients.environment import python_with
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.client import Client, GrpcClient, Refused, RestClient

CLIENTS = Path(__file__).parent / "clients"
LENGTH = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def image(samples: Path) -> Path:
    return sorted(samples.glob("*/*.png"))[0]


@pytest.mark.parametrize(
    ("script", "ways", "requirements"),
    [
        ("with_tritonclient.py", 17, ["tritonclient[grpc,http]==2.73.0"]),
        ("with_kserve.py", 4, ["kserve==0.21.0"]),
    ],
)
def test_a_client_of_others(
    served: dict[str, str], bundle: Path, script: str, ways: int, requirements: list[str]
) -> None:
    python = python_with(*requirements)
    rest = served["rest"].removeprefix("http://") if "triton" in script else served["rest"]
    command = [str(python), str(CLIENTS / script), rest, served["grpc"], str(bundle / "golden" / "inputs.npz")]
    done = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert len(answers) == ways
    expected = bundles.load(bundle).golden()[1]["probabilities"]
    for way, answer in answers.items():
        np.testing.assert_allclose(answer, expected, atol=1e-5, err_msg=way)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
def test_curl(served: dict[str, str], bundle: Path, image: Path, tmp_path: Path) -> None:
    def curl(path: str, *options: object) -> bytes:
        command = ["curl", "--silent", "--show-error", "--fail", *map(str, options), served["rest"] + path]
        return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout

    one = curl("/predictions/digits", "--data-binary", f"@{image}")
    assert curl("/predictions/digits", "--upload-file", image) == one
    assert json.loads(one)["label"]
    for options in (
        ("-F", f"data=@{image}"),
        ("-F", f"picture=@{image};type=image/png"),
        ("-T", image),
        ("-H", "Content-Type: image/png", "--data-binary", f"@{image}"),
        ("-H", "Transfer-Encoding: chunked", "--data-binary", f"@{image}"),
        ("--http2", "--data-binary", f"@{image}"),
    ):
        method = ("-X", "POST") if "-T" in options else ()
        assert curl("/predictions/digits", *options, *method) == one, options
    inputs, expected = bundles.load(bundle).golden()
    raw, headers = tmp_path / "raw", tmp_path / "headers"
    raw.write_bytes(inputs["image"].tobytes())
    answer = curl("/v2/models/digits/infer", "--data-binary", f"@{raw}", "-H", f"{LENGTH}: 0", "--dump-header", headers)
    said = re.search(rf"^{LENGTH}: (\d+)", headers.read_text(), re.IGNORECASE | re.MULTILINE)
    assert said
    probabilities = np.frombuffer(answer[int(said[1]) :], np.float32)
    np.testing.assert_allclose(probabilities, expected["probabilities"].ravel(), atol=1e-5)


@pytest.mark.parametrize(("protocol", "kind"), [("rest", RestClient), ("grpc", GrpcClient)])
def test_our_own(served: dict[str, str], bundle: Path, image: Path, protocol: str, kind: type[Client]) -> None:
    with kind(served[protocol]) as client:  # type: ignore[call-arg]
        answer = client.predict("digits", image.read_bytes())
        assert answer["label"] == answer["top_k"][0]["label"]
        inputs, expected = bundles.load(bundle).golden()
        np.testing.assert_allclose(
            client.infer("digits", inputs)["probabilities"], expected["probabilities"], atol=1e-5
        )
        for model, body, words in (("nobody", b"", "nobody"), ("digits", b"no image", "are not an image")):
            with pytest.raises(Refused, match=words):
                client.predict(model, body)


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_predict_command(served: dict[str, str], image: Path, protocol: str) -> None:
    port = served[protocol].rpartition(":")[2]
    options = ("--grpc", "--grpc-port", port) if protocol == "grpc" else ("--port", port)
    done = run_command("-m", "torchferry", "predict", image, "--model", "digits", *options)
    assert done.returncode == 0, done.stderr
    label, probability, file = done.stdout.split()
    assert (label.isdigit(), 0 < float(probability) <= 1, file) == (True, True, str(image))
