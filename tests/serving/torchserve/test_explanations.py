"""Explanations, asked of a real TorchServe whose workers take several requests at once."""

import io
import json
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import urllib3
from PIL import Image
from urllib3 import encode_multipart_formdata

from tests.commands import run_command
from tests.server import Server
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.client import GrpcClient
from torchferry.serving.codec.instances import instances

ROW = [0.5, -1.0, 2.0, 0.25, -0.5, 1.5, -2.0, 1.0]
CSV = ",".join(map(str, ROW)).encode()
IMAGE = "digits-torch"
TABLE = "one_logit-torch"
TOKENS = "TwoAndTwo-torch"
PAIR = "TwoPictures-torch"


def export(folder: Path, network: str, *options: str) -> Path:
    given = ("--model", f"tests.serving.networks.{network}", "--variants", "torch", *options)
    done = run_command("-m", "torchferry", "export", "-o", folder / network, *given)
    assert done.returncode == 0, done.stderr
    return folder / network


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One logit, which is a probability for labels that have no names."""
    return export(tmp_path_factory.mktemp("table"), "one_logit", "--input", "table:8", "--task", "binary")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures, each of its own size and colours, and two numbers."""
    inputs = ("--input", "left=image:8", "--input", "right=image:L:6x10", "--input", "numbers=tensor:FP32:2")
    return export(tmp_path_factory.mktemp("pair"), "TwoPictures", *inputs, "--normalize", "half")


@pytest.fixture(scope="module")
def served(
    starts_server: None, bundle: Path, table: Path, pair: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("explaining")
    tokens = export(folder, "TwoAndTwo", "--input", "words=tensor:INT64:5", "--input", "numbers=tensor:FP32:4")
    for root in (bundle, table, tokens, pair):
        together = ("--batch-size", 4, "--batch-delay-ms", 100)
        done = run_command("-m", "torchferry", "archive", root, "--output", folder / "store", *together)
        assert done.returncode == 0, done.stderr
    server = Server(folder / "store", folder=folder)
    try:
        yield server.wait_ready()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def image(samples: Path) -> bytes:
    return next(samples.glob("3/*.png")).read_bytes()


def ask(
    served: Mapping[str, str], model: str, body: bytes, verb: str = "explanations", **headers: str
) -> urllib3.BaseHTTPResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{served['rest']}/{verb}/{model}"
    # urllib3 gives up after three seconds; a worker's first explanation loads matplotlib.
    return urllib3.request("POST", url, body=body, headers=named, retries=False, timeout=60)


def explained(served: Mapping[str, str], model: str, body: bytes, **headers: str) -> tuple[dict[str, Any], np.ndarray]:
    """The answer, and the attributions to the one input."""
    answer = ask(served, model, body, **headers)
    assert answer.status == 200, answer.data
    (found,) = answer.json()["attributions"]
    return dict(answer.json()), np.array(found["data"]).reshape(found["shape"])


def scores(root: Path, inputs: np.ndarray) -> np.ndarray:
    """What the program in the bundle gives."""
    program = torch.export.load(root / "variants" / "torch" / "model.pt2").module()
    with torch.no_grad():
        given = program(torch.from_numpy(inputs))
    return np.asarray(given if isinstance(given, torch.Tensor) else given[0])


@pytest.mark.parametrize("target", [None, "5"])
def test_attributions_of_an_image_add_up_to_what_it_is_ahead_of_a_black_one(
    served: dict[str, str], bundle: Path, image: bytes, target: str | None
) -> None:
    headers = {} if target is None else {"X_Target": target}
    answer, found = explained(served, IMAGE, image, **headers)
    assert answer["target"] == (target or ask(served, IMAGE, image, "predictions").json()["label"])
    pixels = np.asarray(Image.open(io.BytesIO(image)))[None, None]
    of_image, of_black = scores(bundle, np.concatenate([pixels, np.zeros_like(pixels)]))[:, int(answer["target"])]
    assert found.sum() == pytest.approx(of_image - of_black, abs=0.03)
    assert answer["convergence_delta"] == pytest.approx(found.sum() - (of_image - of_black), abs=1e-4)
    assert (found[pixels == 0] == 0).all()


@pytest.mark.parametrize("label", ["0", "1"])
def test_attributions_of_a_row_add_up_for_either_label(served: dict[str, str], table: Path, label: str) -> None:
    answer, found = explained(served, TABLE, CSV, X_Target=label)
    of_row, of_zeros = scores(table, np.array([ROW, [0] * 8], np.float32))[:, 0]
    ahead = (of_row - of_zeros) * (1 if label == "1" else -1)
    assert (answer["target"], answer["baseline"], found.shape) == (label, "zeros", (1, 8))
    # Fifty steps of an integral; zeros lie far from the rows that this network knows.
    assert found.sum() == pytest.approx(ahead, abs=5e-3)


def test_the_answer_says_what_was_computed(served: dict[str, str], image: bytes) -> None:
    answer, found = explained(served, IMAGE, image)
    del answer["convergence_delta"]
    (tensor,) = answer.pop("attributions")
    assert answer == {
        "model": "digits-torch",
        "target": "3",
        "method": "integrated gradients",
        "steps": 50,
        "baseline": "black image",
    }
    assert {name: value for name, value in tensor.items() if name != "data"} == {
        "name": "image",
        "shape": [1, 1, 8, 8],
        "datatype": "FP32",
    }
    assert len(tensor["data"]) == found.size == 64


def test_the_target_may_be_a_part_of_a_form(served: dict[str, str], image: bytes) -> None:
    form, kind = encode_multipart_formdata({"picture": ("0.png", image, "image/png"), "target": "5"})
    assert explained(served, IMAGE, form, Content_Type=kind)[0]["target"] == "5"


def test_a_picture_shows_the_image_under_the_attributions(served: dict[str, str], image: bytes) -> None:
    _, found = explained(served, IMAGE, image)
    answer = ask(served, IMAGE, image, Accept="image/png")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/png")
    shown = Image.open(io.BytesIO(answer.data))
    assert (shown.format, shown.mode, shown.size) == ("PNG", "RGB", (224, 224))
    cells = np.asarray(shown)[14::28, 14::28].astype(int)
    assert (cells[found[0, 0] == 0] == 0).all()  # black, as they are in the image
    strongest = np.unravel_index(np.abs(found[0, 0]).argmax(), (8, 8))
    red, _, blue = cells[strongest]
    assert (red > blue) == (found[0, 0][strongest] > 0)


@pytest.mark.parametrize(
    ("model", "body", "headers", "status", "words"),
    [
        (IMAGE, None, {"X_Target": "cat"}, 422, "target 'cat' is none of 10: 0, 1, 2"),
        (IMAGE, None, {"X_Target": "10"}, 422, "target '10' is none of 10"),
        (IMAGE, b"garbage", {}, 400, "are not an image"),
        ("digits-onnx-fp32", None, {}, 422, "explanations are of the variant digits-torch"),
        (TABLE, CSV + b"\n" + CSV, {}, 422, "has 2 samples"),
        (TABLE, CSV, {"Accept": "image/png"}, 406, "one_logit takes no image"),
        (
            TOKENS,
            json.dumps({"instances": [{"words": [1] * 5, "numbers": [1] * 4}]}).encode(),
            {},
            422,
            "'words' is INT64; only numbers with fractions",
        ),
    ],
)
def test_what_cannot_be_explained_is_refused_with_the_reason(
    served: dict[str, str],
    image: bytes,
    model: str,
    body: bytes | None,
    headers: dict[str, str],
    status: int,
    words: str,
) -> None:
    answer = ask(served, model, image if body is None else body, **headers)
    assert answer.status == status, answer.data
    assert set(answer.json()) == {"error", "code", "detail"}
    assert words in answer.json()["detail"]


def test_requests_beside_explanations_get_their_own_answers(served: dict[str, str], image: bytes) -> None:
    alone = ask(served, IMAGE, image, "predictions").json()
    late = {"X_Request_Start": f"{time.time() - 3000:.3f}"}
    asked: list[tuple[str, dict[str, str]]] = [("predictions", {}), ("explanations", {}), ("predictions", {})]
    asked += [("explanations", {"X_Target": "cat"}), ("predictions", {}), ("explanations", late)]
    together = threading.Barrier(len(asked))

    def send(request: tuple[str, dict[str, str]]) -> urllib3.BaseHTTPResponse:
        together.wait()
        return ask(served, IMAGE, image, request[0], **request[1])

    with ThreadPoolExecutor(len(asked)) as threads:
        answers = list(threads.map(send, asked))
    assert [answer.status for answer in answers] == [200, 200, 200, 422, 200, 504]
    for answer in answers[0], answers[2], answers[4]:
        assert answer.json()["label"] == alone["label"]
        assert answer.json()["probability"] == pytest.approx(alone["probability"], abs=1e-6)
    page = urllib3.request("GET", served["metrics"]).data.decode()
    assert 'model="digits-torch",outcome="deadline",protocol="explanations"' in page


def pairs(count: int) -> tuple[dict[str, np.ndarray], bytes]:
    """The tensors of so many samples, and instances with the pictures as files."""
    random = np.random.default_rng(count)
    shapes = {"left": (count, 3, 8, 8), "right": (count, 1, 6, 10)}
    inputs: dict[str, np.ndarray] = {name: random.integers(0, 256, shape, np.uint8) for name, shape in shapes.items()}
    inputs["numbers"] = random.normal(size=(count, 2)).astype(np.float32)
    sides = {"left": ("RGB", 8, 8), "right": ("L", 6, 10)}
    decode = {name: ImageDecode(mode=mode, height=height, width=width, interpolation="bilinear")
              for name, (mode, height, width) in sides.items()}  # fmt: skip
    specs = [TensorSpec(name=name, datatype="", shape=(), decode=decode.get(name)) for name in inputs]
    return inputs, json.dumps({"instances": instances(inputs, specs)}).encode()


def test_several_pictures_are_answered_as_their_tensors_also_beside_other_requests(
    served: dict[str, str], pair: Path
) -> None:
    program = torch.export.load(pair / "variants" / "torch" / "model.pt2").module()
    sent = [pairs(count) for count in (1, 3, 2, 1)]

    def over_rest(body: bytes) -> Any:
        return ask(served, PAIR, body, "predictions").json()

    def over_grpc(body: bytes) -> Any:
        with GrpcClient(served["grpc"]) as client:
            return client.ask(PAIR, body)

    with ThreadPoolExecutor(len(sent)) as pool:
        for way in (over_rest, over_grpc):
            answers = list(pool.map(way, [body for _, body in sent]))
            for (inputs, _), answer in zip(sent, answers, strict=True):
                (output,) = answer["outputs"]
                with torch.no_grad():
                    expected = program(*map(torch.from_numpy, inputs.values()))
                np.testing.assert_allclose(output["data"], np.asarray(expected).ravel(), atol=1e-5)


def test_both_pictures_are_explained_and_drawn_beside_each_other(served: dict[str, str]) -> None:
    _, body = pairs(1)
    found = {each["name"]: each["shape"] for each in ask(served, PAIR, body, X_Target="1").json()["attributions"]}
    assert found == {"left": [1, 3, 8, 8], "right": [1, 1, 6, 10], "numbers": [1, 2]}
    answer = ask(served, PAIR, body, Accept="image/png", X_Target="1")
    assert Image.open(io.BytesIO(answer.data)).size == (224 + 220, 224)


def test_a_picture_alone_and_a_damaged_second_one_are_refused_with_the_inputs(
    served: dict[str, str], image: bytes
) -> None:
    alone = ask(served, PAIR, image, "predictions")
    assert (alone.status, '"right": {"b64"' in alone.json()["detail"]) == (400, True)
    _, body = pairs(1)
    content = json.loads(body)
    content["instances"][0]["right"]["b64"] = "aGk="
    damaged = ask(served, PAIR, json.dumps(content).encode(), "predictions")
    assert (damaged.status, damaged.json()["detail"].startswith("'right': the 2 bytes are not")) == (400, True)
