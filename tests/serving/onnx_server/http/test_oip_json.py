"""The binary tensor extension: raw elements behind the JSON, in both directions."""

import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.serving.onnx_server.asking import LENGTH, Answer, arrays, ask, raw_tensor, tensor
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.onnx_server.http import oip_json
from torchferry.serving.onnx_server.http.oip_json import SLICE
from torchferry.serving.onnx_server.inference import Inference, Wanted

INFER = "/v2/models/digits/infer"
IMAGE = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)


@pytest.fixture(scope="module")
def rest(several: dict[str, str]) -> str:
    return several["rest"]


def ask_raw(rest: str, head: dict[str, Any], *raw: bytes, path: str = INFER) -> Answer:
    text = json.dumps(head).encode()
    return ask(rest, path, b"".join((text, *raw)), {LENGTH: str(len(text))})


def expected(rest: str) -> np.ndarray:
    return arrays(ask(rest, INFER, {"inputs": [tensor("image", IMAGE)]}))["probabilities"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}]},
        {"parameters": {"binary_data_output": True}},
        {"parameters": {"binary_data_output": True}, "outputs": [{"name": "probabilities"}]},
    ],
)
def test_raw_in_and_raw_out(rest: str, wanted: dict[str, Any]) -> None:
    answer = ask_raw(rest, {"inputs": [raw_tensor("image", IMAGE)]} | wanted, IMAGE.tobytes())
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert len(answer.body) == int(answer.headers[LENGTH]) + 40
    np.testing.assert_array_equal(arrays(answer)["probabilities"], expected(rest))


def test_an_output_can_be_left_as_json(rest: str) -> None:
    json_only = {"outputs": [{"name": "probabilities", "parameters": {"binary_data": False}}]}
    asked = {"inputs": [raw_tensor("image", IMAGE)], "parameters": {"binary_data_output": True}} | json_only
    answer = ask_raw(rest, asked, IMAGE.tobytes())
    assert answer.headers[LENGTH] is None
    np.testing.assert_array_equal(arrays(answer)["probabilities"], expected(rest))


def test_json_and_raw_tensors_in_one_request(rest: str, mirror: Path) -> None:
    inputs, _ = bundles.load(mirror).golden()
    raw = [name for name in inputs if name != "in_FP32"]
    described = [raw_tensor(name, inputs[name]) for name in raw] + [tensor("in_FP32", inputs["in_FP32"])]
    outputs = [{"name": "out_INT64", "parameters": {"binary_data": True}}, {"name": "out_FP32"}]
    path = "/v2/models/mirror/infer"
    for odd in ("", "1", "12"):  # so that the elements begin at any place of a word
        asked = {"inputs": described, "outputs": outputs, "id": odd}
        answer = ask_raw(rest, asked, *(inputs[name].tobytes() for name in raw), path=path)
        for name in ("INT64", "FP32"):
            np.testing.assert_array_equal(arrays(answer)[f"out_{name}"], inputs[f"in_{name}"][:, ::-1])


@pytest.mark.parametrize("samples", [1, 3])
def test_a_body_of_raw_elements_alone(rest: str, samples: int) -> None:
    images = np.repeat(IMAGE, samples, axis=0)
    answer = ask(rest, INFER, images.tobytes(), {LENGTH: "0"})
    assert len(answer.body) == int(answer.headers[LENGTH]) + samples * 10 * 4  # raw as well, as Triton answers it
    answered = arrays(answer)["probabilities"]
    np.testing.assert_allclose(answered, np.repeat(expected(rest), samples, axis=0), atol=1e-6)


def test_image_files_instead_of_the_tensor(rest: str, samples: Path) -> None:
    files = [path.read_bytes() for path in sorted(samples.glob("*/*.png"))[:2]]
    decoded = [ask(rest, "/predictions/digits", file).json["probability"] for file in files]
    text = {
        "name": "image",
        "datatype": "BYTES",
        "shape": [2],
        "data": [base64.b64encode(file).decode() for file in files],
    }
    raw = b"".join(len(file).to_bytes(4, "little") + file for file in files)
    described = {"name": "image", "datatype": "BYTES", "shape": [2, 1], "parameters": {"binary_data_size": len(raw)}}
    for answer in (ask(rest, INFER, {"inputs": [text]}), ask_raw(rest, {"inputs": [described]}, raw)):
        np.testing.assert_allclose(arrays(answer)["probabilities"].max(axis=1), decoded, atol=1e-6)


def test_a_header_length_that_does_not_fit(rest: str) -> None:
    for length, status, words in (
        ("seven", 400, "is not a number"),
        ("-1", 400, "is not a number"),
        ("99999", 400, "the body has 2 bytes"),
        ("1", 400, "not JSON"),
        ("0", 422, "the body has 2 bytes; a sample of 'image' has 64"),
    ):
        answer = ask(rest, INFER, b"{}", {LENGTH: length})
        assert (answer.status, words in answer.json["detail"]) == (status, True), answer.body
    answer = ask(rest, "/v2/models/mirror/infer", b"{}", {LENGTH: "0"})
    assert (answer.status, "needs a model with one input" in answer.json["detail"]) == (422, True)


@pytest.mark.parametrize(
    ("size", "sent", "words"),
    [
        (64, 63, "has binary_data_size 64; 63 bytes are left"),
        (64, 65, "1 bytes of the body belong to no input"),
        (63, 63, "has 63 bytes; UINT8 of shape [1, 1, 8, 8] has 64"),
        (-1, 64, "binary_data_size -1"),
        ("64", 64, "binary_data_size '64'"),
    ],
)
def test_sizes_that_do_not_fit(rest: str, size: Any, sent: int, words: str) -> None:
    described = raw_tensor("image", IMAGE) | {"parameters": {"binary_data_size": size}}
    answer = ask_raw(rest, {"inputs": [described]}, bytes(sent))
    assert answer.status == 422
    assert words in answer.json["detail"]


def test_bytes_that_are_no_truth_values_are_refused(rest: str, mirror: Path) -> None:
    inputs, _ = bundles.load(mirror).golden()
    described = [raw_tensor(name, values) for name, values in inputs.items()]
    raw = [b"\x02" * values.nbytes if name == "in_BOOL" else values.tobytes() for name, values in inputs.items()]
    answer = ask_raw(rest, {"inputs": described}, *raw, path="/v2/models/mirror/infer")
    assert (answer.status, "which are no BOOL" in answer.json["detail"]) == (422, True)


FEW, MANY = np.arange(6, dtype=np.int32).reshape(3, 2), np.linspace(-1e3, 1e3, 2 * SLICE + 6, dtype=np.float32)
LONG: dict[str, np.ndarray] = {
    "floats": MANY.reshape(-1, 2),
    "every_other": MANY[::2].reshape(1, 1, -1),
    "whole_slices": np.arange(2 * SLICE),
    "with_gaps": np.where(np.arange(2 * SLICE + 1) % 5, np.inf, np.nan),
    "flags": np.arange(SLICE + 1) % 3 == 0,
    "words": np.array([f'"{number}"\0'.encode() for number in range(SLICE + 2)] + [b"\xff"], object),
    "few": FEW,
    "nothing": np.zeros((0, 2)),
}


@pytest.mark.parametrize("raw", [set(), {"few"}, {"floats", "words"}, {*LONG}])
def test_an_answer_in_slices_is_the_same_text(raw: set[str]) -> None:
    model: Any = SimpleNamespace(name="a model", version="1.0", output_datatypes=dict.fromkeys(LONG, "FP32"))
    asked = Inference({}, id="seven", outputs=[Wanted(name, raw=name in raw) for name in LONG])
    slices, tensors = oip_json.write_slices(asked, LONG, model)
    text = list(slices)
    whole, length = oip_json.write(asked, LONG, model)
    assert b"".join([*text, *tensors]) == whole
    assert length == (sum(map(len, text)) if raw else None)
    assert len(max(text, key=len)) < 30 * SLICE
    assert oip_json.is_long(asked, LONG) == (raw != {*LONG})


def test_a_slice_at_most_is_written_at_once() -> None:
    outputs = {"a": np.zeros(SLICE - 1), "b": np.zeros(1)}
    assert not oip_json.is_long(Inference({}), outputs)
    assert oip_json.is_long(Inference({}), outputs | {"c": np.zeros(1)})
    assert not oip_json.is_long(Inference({}, outputs=[Wanted("a", raw=True)]), outputs | {"a": np.zeros(SLICE)})
