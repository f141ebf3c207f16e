"""A graph of strings, bfloat16 and tensors without elements, from its file to both servers, each way to send them."""

import json
import struct
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.server import Server
from tests.serving.export.onnx_graphs.graphs import written
from tests.serving.onnx_server.asking import LENGTH, arrays, ask
from tests.serving.onnx_server.calling import call
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.client import GrpcClient, RestClient
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.torchserve.archive import archive

MIXED = """graph (string[N, 2] word, bfloat16[N, 2] half, float[N, 0] none)
  => (string[N, 2] echo, int64[N, 2] code, bfloat16[N, 2] same, float[N, 0] nothing) {
  echo = Identity(word)
  code = ai.onnx.ml.LabelEncoder <keys_strings = ["cat", "dög"], values_int64s = [1, 2], default_int64 = -1> (word)
  same = Identity(half)
  nothing = Neg(none)
}"""
COLUMNS = """graph (string[N, 1] city, float[N, 1] age) => (string[N, 1] label, float[N, 1] older) {
  label = ai.onnx.ml.LabelEncoder <keys_strings = ["Bonn"], values_strings = ["near"], default_string = "far"> (city)
  older = Add(age, age)
}"""
VARIANT = "onnx-fp32"
WORDS, CODES = [["cat", "dög"], ["", "cow"]], [[1, 2], [-1, -1]]
HALF = [[1.0, -2.5], [0.125, 3.0]]
RAW_WORDS = b"".join(struct.pack("<I", len(word.encode())) + word.encode() for row in WORDS for word in row)
RAW_HALF = (np.array(HALF, np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes()
RAW = {"word": RAW_WORDS, "half": RAW_HALF, "none": b""}
DATATYPES = {"word": "BYTES", "half": "BF16", "none": "FP32"}
SHAPES = {"word": [2, 2], "half": [2, 2], "none": [2, 0]}


def exported(folder: Path, name: str, text: str, **samples: Any) -> Bundle:
    path = written(folder, text, name=f"{name}.onnx")
    np.savez(folder / f"{name}.npz", **samples)
    reference = load_given(parser().parse_args(["--model", str(path), "--eval-data", str(folder / f"{name}.npz")]))
    return export(reference, folder / name, [VARIANT], {}, "1")


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Bundle]:
    folder = tmp_path_factory.mktemp("datatypes")
    mixed = {"word": np.array(WORDS), "half": np.array(HALF), "none": np.zeros((2, 0))}
    return [
        exported(folder, "mixed", MIXED, **mixed),
        exported(folder, "columns", COLUMNS, city=np.array([["Bonn"], ["Ulm"]]), age=np.ones((2, 1))),
    ]


@pytest.fixture(scope="module")
def own(starts_server: None, bundles: list[Bundle], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    server = Server(*(bundle.root for bundle in bundles), folder=tmp_path_factory.mktemp("own"), runtime="onnx")
    try:
        yield server.wait_ready()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def torchserve(starts_server: None, bundles: list[Bundle], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("torchserve")
    archives = [file for bundle in bundles for file in archive(bundle, folder / "store", [VARIANT])]
    server = Server(*archives, folder=folder)
    try:
        yield server.wait_ready()
    finally:
        server.stop()


def tensors(**change: Any) -> list[dict[str, Any]]:
    data = {"word": WORDS, "half": HALF, "none": []} | change
    return [{"name": name, "shape": SHAPES[name], "datatype": DATATYPES[name], "data": data[name]} for name in data]


def said(outputs: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    return {each["name"]: (each["datatype"], list(each["shape"]), each["data"]) for each in outputs}


RIGHT = {
    "echo": ("BYTES", [2, 2], [*chain(*WORDS)]),
    "code": ("INT64", [2, 2], [*chain(*CODES)]),
    "same": ("BF16", [2, 2], [*chain(*HALF)]),
    "nothing": ("FP32", [2, 0], []),
}


def test_the_metadata_say_them(own: dict[str, str]) -> None:
    inputs = ask(own["rest"], "/v2/models/mixed").json["inputs"]
    assert {each["name"]: (each["datatype"], each["shape"]) for each in inputs} == {
        name: (DATATYPES[name], [-1, *SHAPES[name][1:]]) for name in SHAPES
    }
    config = ask(own["rest"], "/v2/models/mixed/config").json
    assert [each["data_type"] for each in config["input"]] == ["TYPE_STRING", "TYPE_BF16", "TYPE_FP32"]


def test_as_json(own: dict[str, str]) -> None:
    assert said(ask(own["rest"], "/v2/models/mixed/infer", {"inputs": tensors()}).json["outputs"]) == RIGHT
    assert said(ask(own["rest"], "/predictions/mixed", {"inputs": tensors()}).json["outputs"]) == RIGHT


def test_raw(own: dict[str, str]) -> None:
    head = {
        "inputs": [
            {"name": name, "shape": SHAPES[name], "datatype": DATATYPES[name], "parameters": {"binary_data_size": size}}
            for name, size in {name: len(raw) for name, raw in RAW.items()}.items()
        ],
        "parameters": {"binary_data_output": True},
    }
    text = json.dumps(head).encode()
    answer = ask(own["rest"], "/v2/models/mixed/infer", text + b"".join(RAW.values()), {LENGTH: str(len(text))})
    assert answer.status == 200, answer.body
    elements = RAW_WORDS + np.array(CODES).tobytes() + RAW_HALF
    assert answer.body[int(answer.headers[LENGTH]) :] == elements


def test_raw_answers_of_one_shape_have_their_own_lengths(own: dict[str, str]) -> None:
    """What stands before the elements is not that of the answer before."""
    described = [
        {"name": "city", "shape": [1, 1], "datatype": "BYTES", "parameters": {"binary_data_size": 8}},
        {"name": "age", "shape": [1, 1], "datatype": "FP32", "parameters": {"binary_data_size": 4}},
    ]
    text = json.dumps({"inputs": described, "parameters": {"binary_data_output": True}}).encode()
    for city, label in ((b"Bonn", b"near"), (b"Kiel", b"far"), (b"Bonn", b"near")):
        body = text + b"\x04\0\0\0" + city + bytes(4)
        found = arrays(ask(own["rest"], "/v2/models/columns/infer", body, {LENGTH: str(len(text))}))
        assert found["label"].tolist() == [[label]]


def test_over_grpc(own: dict[str, str]) -> None:
    request = messages.ModelInferRequest(model_name="mixed")
    for name, raw in RAW.items():
        request.inputs.add(name=name, datatype=DATATYPES[name], shape=SHAPES[name])
        request.raw_input_contents.append(raw)
    response = call(own["grpc"], "ModelInfer", request)
    found = {output.name: raw for output, raw in zip(response.outputs, response.raw_output_contents, strict=True)}
    assert found == {"echo": RAW_WORDS, "code": np.array(CODES).tobytes(), "same": RAW_HALF, "nothing": b""}
    assert [output.datatype for output in response.outputs] == ["BYTES", "INT64", "BF16", "FP32"]


def test_typed_contents_over_grpc(own: dict[str, str]) -> None:
    request = messages.ModelInferRequest(model_name="columns")
    city = request.inputs.add(name="city", datatype="BYTES", shape=[1, 1])
    city.contents.bytes_contents.append(b"Bonn")
    age = request.inputs.add(name="age", datatype="FP32", shape=[1, 1])
    age.contents.fp32_contents.append(2)
    assert call(own["grpc"], "ModelInfer", request).raw_output_contents[0] == b"\x04\0\0\0near"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"word": [["cat", 3], ["", ""]]}, "'word' has 3 in its data; it takes strings"),
        ({"word": ["cat"]}, "'word' has 1 strings; shape [2, 2] has 4"),
        ({"none": [1]}, "'none' has data other than FP32 numbers that fill shape [2, 0]"),
    ],
)
def test_other_data_are_refused(own: dict[str, str], change: dict[str, Any], words: str) -> None:
    answer = ask(own["rest"], "/v2/models/mixed/infer", {"inputs": tensors(**change)})
    assert answer.status == 422
    assert words in answer.json["detail"]


@pytest.mark.parametrize(("output", "status"), [("echo", 422), ("code", 200)])
def test_strings_have_no_best_classes(own: dict[str, str], output: str, status: int) -> None:
    wanted = [{"name": output, "parameters": {"classification": 1}}]
    answer = ask(own["rest"], "/v2/models/mixed/infer", {"inputs": tensors(), "outputs": wanted})
    assert answer.status == status, answer.body
    if status != 200:
        assert "classification: 'echo' is BYTES" in answer.json["detail"]


def test_bytes_that_are_not_utf8_are_refused(own: dict[str, str]) -> None:
    head = {
        "inputs": [
            {"name": "city", "shape": [1, 1], "datatype": "BYTES", "parameters": {"binary_data_size": 5}},
            {"name": "age", "shape": [1, 1], "datatype": "FP32", "data": [1]},
        ]
    }
    text = json.dumps(head).encode()
    answer = ask(own["rest"], "/v2/models/columns/infer", text + b"\x01\0\0\0\xff", {LENGTH: str(len(text))})
    assert answer.status == 422
    assert "element 0 has the byte 0xff; encode it as UTF-8" in answer.json["detail"]


def test_both_servers_answer_alike(own: dict[str, str], torchserve: dict[str, str]) -> None:
    """Tensors, instances and lines of columns, over REST and gRPC."""
    given = {"word": np.array(WORDS), "half": np.array(HALF, np.float32), "none": np.zeros((2, 0), np.float32)}
    bodies = {
        "mixed": [{"inputs": tensors()}],
        "columns": [{"instances": [{"city": "Bonn", "age": 2}, {"city": "Ulm", "age": 3}]}],
    }
    del given["half"]
    lines = b'age,city\n2,Bonn\n3,"Ulm, Donau"\n'
    for addresses, suffix in ((own, ""), (torchserve, f"-{VARIANT}")):
        with RestClient(addresses["rest"]) as rest, GrpcClient(addresses["grpc"]) as grpc:
            for client in (rest, grpc):
                answers = [json.loads(client.send(f"mixed{suffix}", json.dumps(bodies["mixed"][0]).encode()))]
                assert said(answers[0]["outputs"]) == RIGHT
                for body in (json.dumps(bodies["columns"][0]).encode(), lines):
                    outputs = said(json.loads(client.send(f"columns{suffix}", body))["outputs"])
                    assert outputs["label"] == ("BYTES", [2, 1], ["near", "far"])
                    assert outputs["older"] == ("FP32", [2, 1], [4.0, 6.0])
            city = {"city": np.array([["Bonn"]]), "age": np.ones((1, 1), np.float32)}
            assert rest.infer(f"columns{suffix}", city)["label"].tolist() == [[b"near"]]


def test_strings_cannot_be_made_up(tmp_path: Path) -> None:
    path = written(tmp_path, COLUMNS)
    with pytest.raises(Exception, match="--eval-data: is missing; 'city' takes strings, which cannot be made up"):
        load_given(parser().parse_args(["--model", str(path)]))
