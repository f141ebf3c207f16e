"""A network of several pictures, each of its own size and colours, from --input to the answers of both servers: files
are answered as the tensors are that they become."""

import base64
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image
from tritonclient.grpc import service_pb2 as messages

from tests.server import Server
from tests.serving.onnx_server.asking import LENGTH, arrays, ask, raw_tensor, tensor
from tests.serving.onnx_server.calling import call, infer_request, output_arrays
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.client import GrpcClient, Refused, RestClient
from torchferry.serving.codec.images import decode_image
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.formats.triton import config
from torchferry.serving.predict.predict_command import main as predict
from torchferry.serving.session import open_variant
from torchferry.serving.torchserve.archive import archive

MODEL = "TwoPictures"
INFER = f"/v2/models/{MODEL}/infer"
SAMPLES = 5
INPUTS = ("--input=right=image:L:6x10", "--input=numbers=tensor:FP32:2", "--input=left=image:8")
PICTURES = ("--resize", "crop:0.8", "--interpolation", "bicubic", "--normalize", "half")
Files = dict[str, list[bytes]]
Arrays = dict[str, np.ndarray]


def drawn(mode: str, number: int, kind: str) -> bytes:
    """A file of noise, of no picture's own size."""
    pixels = np.random.default_rng(number).integers(0, 256, (17 + number, 23, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    reference = load_given(parser().parse_args(["--model", f"tests.serving.networks.{MODEL}", *INPUTS, *PICTURES]))
    return export(reference, tmp_path_factory.mktemp("several") / MODEL, ["onnx-fp32"], {}, "1.0")


@pytest.fixture(scope="module")
def files() -> Files:
    colour = [drawn("RGB", number, "JPEG") for number in range(SAMPLES)]
    return {"left": colour, "right": [drawn("L", number, "PNG") for number in range(SAMPLES)]}


@pytest.fixture(scope="module")
def tensors(bundle: Bundle, files: Files) -> Arrays:
    """What the files become, and two numbers beside them."""
    numbers = np.random.default_rng(0).normal(size=(SAMPLES, 2)).astype(np.float32)
    decode = {spec.name: spec.image for spec in bundle.pictures if spec.image}
    pictures = {name: np.stack([decode_image(each, decode[name])[0] for each in files[name]]) for name in files}
    return pictures | {"numbers": numbers}


@pytest.fixture(scope="module")
def expected(bundle: Bundle, tensors: Arrays) -> np.ndarray:
    return open_variant(bundle, "onnx-fp32", threads=1).run(tensors)["output_0"]


@pytest.fixture(scope="module")
def served(starts_server: None, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Told to put eight samples together, and to wait for them."""
    folder, options = tmp_path_factory.mktemp("pictures"), ("--max-batch", 8, "--max-delay-ms", 50)
    server = Server(bundle.root, folder=folder, runtime="onnx", options=options)
    try:
        yield server.wait_ready()
    finally:
        server.stop()


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def elements(content: list[bytes]) -> bytes:
    return b"".join(len(each).to_bytes(4, "little") + each for each in content)


def file_tensor(name: str, content: list[bytes]) -> dict[str, Any]:
    data = [in_base64(each) for each in content]
    return {"name": name, "datatype": "BYTES", "shape": [len(content)], "data": data}


def instances(files: Files, tensors: Arrays) -> bytes:
    samples = [
        {"left": {"b64": in_base64(left)}, "numbers": numbers, "right": {"b64": in_base64(right)}}
        for left, right, numbers in zip(files["left"], files["right"], tensors["numbers"].tolist(), strict=True)
    ]
    return json.dumps({"instances": samples}).encode()


def over_json(served: dict[str, str], files: Files, tensors: Arrays) -> np.ndarray:
    given = [file_tensor("left", files["left"]), tensor("numbers", tensors["numbers"])]
    return arrays(ask(served["rest"], INFER, {"inputs": [*given, file_tensor("right", files["right"])]}))["output_0"]


def over_raw(served: dict[str, str], files: Files, tensors: Arrays) -> np.ndarray:
    """The grey pictures as files, and the others as the tensor that they become."""
    raw = elements(files["right"])
    of_files = file_tensor("right", files["right"]) | {"parameters": {"binary_data_size": len(raw)}}
    del of_files["data"]
    inputs = [of_files, raw_tensor("numbers", tensors["numbers"]), raw_tensor("left", tensors["left"])]
    head = json.dumps({"inputs": inputs}).encode()
    body = head + raw + tensors["numbers"].tobytes() + tensors["left"].tobytes()
    return arrays(ask(served["rest"], INFER, body, {LENGTH: str(len(head))}))["output_0"]


def over_grpc(served: dict[str, str], files: Files, tensors: Arrays) -> np.ndarray:
    request = messages.ModelInferRequest(model_name=MODEL)
    for name in ("right", "left"):
        given = request.inputs.add(name=name, datatype="BYTES", shape=[len(files[name])])
        given.contents.bytes_contents.extend(files[name])
    numbers = request.inputs.add(name="numbers", datatype="FP32", shape=tensors["numbers"].shape)
    numbers.contents.fp32_contents.extend(tensors["numbers"].ravel().tolist())
    return output_arrays(call(served["grpc"], "ModelInfer", request))["output_0"]


def over_raw_grpc(served: dict[str, str], files: Files, tensors: Arrays) -> np.ndarray:
    request = infer_request(MODEL, {name: tensors[name] for name in ("left", "numbers")})
    request.inputs.add(name="right", datatype="BYTES", shape=[len(files["right"]), 1])
    request.raw_input_contents.append(elements(files["right"]))
    return output_arrays(call(served["grpc"], "ModelInfer", request))["output_0"]


def of_client(client: Any, files: Files, tensors: Arrays) -> np.ndarray:
    with client:
        (output,) = client.ask(MODEL, instances(files, tensors))["outputs"]
    return np.array(output["data"]).reshape(output["shape"])


def as_instances(served: dict[str, str], files: Files, tensors: Arrays) -> np.ndarray:
    return of_client(RestClient(served["rest"]), files, tensors)


def as_instances_over_grpc(served: dict[str, str], files: Files, tensors: Arrays) -> np.ndarray:
    return of_client(GrpcClient(served["grpc"]), files, tensors)


WAYS = (over_json, over_raw, over_grpc, over_raw_grpc, as_instances, as_instances_over_grpc)


def test_files_are_answered_as_the_tensors_are_that_they_become(
    served: dict[str, str], files: Files, tensors: Arrays, expected: np.ndarray
) -> None:
    for way in WAYS:
        np.testing.assert_allclose(way(served, files, tensors), expected, atol=1e-5, err_msg=way.__name__)


def test_also_in_a_batch_with_other_requests(
    served: dict[str, str], files: Files, tensors: Arrays, expected: np.ndarray
) -> None:
    def alone(number: int) -> np.ndarray:
        one = {name: [each[number]] for name, each in files.items()}
        return WAYS[number](served, one, {name: values[[number]] for name, values in tensors.items()})

    with ThreadPoolExecutor(SAMPLES) as pool:
        answered = np.concatenate(list(pool.map(alone, range(SAMPLES))))
    np.testing.assert_allclose(answered, expected, atol=1e-5)
    stats = ask(served["rest"], f"/v2/models/{MODEL}/stats").json["model_stats"][0]
    assert stats["execution_count"] < stats["inference_stats"]["success"]["count"]


def test_a_damaged_second_picture_is_refused_by_the_inputs_name(
    served: dict[str, str], files: Files, tensors: Arrays
) -> None:
    broken = files | {"right": [*files["right"][:-1], files["right"][-1][:200]]}
    words = "'right' of sample 4: the image is damaged"
    numbers = tensor("numbers", tensors["numbers"])
    given = [file_tensor("left", files["left"]), file_tensor("right", broken["right"]), numbers]
    answer = ask(served["rest"], INFER, {"inputs": given})
    assert (answer.status, words in answer.json["detail"]) == (400, True), answer.body
    with pytest.raises(grpc.RpcError, match="INVALID_ARGUMENT") as raised:
        over_grpc(served, broken, tensors)
    assert words in str(raised.value)
    for client in (RestClient(served["rest"]), GrpcClient(served["grpc"])):
        with client, pytest.raises(Refused, match=words):
            client.ask(MODEL, instances(broken, tensors))


def test_what_does_not_say_all_inputs_is_told_which_there_are(
    served: dict[str, str], files: Files, tensors: Arrays
) -> None:
    alone = ask(served["rest"], f"/predictions/{MODEL}", files["left"][0], {"Content-Type": "image/jpeg"})
    form = '"left": {"b64": "an image file as base64"}'
    assert (alone.status, "has several inputs" in alone.json["detail"], form in alone.json["detail"]) == (
        400,
        True,
        True,
    )
    one = ask(served["rest"], f"/predictions/{MODEL}", {"instances": [{"b64": in_base64(files["left"][0])}]})
    assert (one.status, "the model takes 'right', 'numbers', 'left'" in one.json["detail"]) == (422, True)
    fewer = [file_tensor("left", files["left"][:2]), file_tensor("right", files["right"])]
    uneven = ask(served["rest"], INFER, {"inputs": [*fewer, tensor("numbers", tensors["numbers"])]})
    assert (uneven.status, "batches of different sizes" in uneven.json["detail"]) == (422, True)


def test_metadata_and_openapi_say_which_inputs_take_files(served: dict[str, str]) -> None:
    said = ask(served["rest"], f"/v2/models/{MODEL}").json["parameters"]["decode"]
    assert {name: (each["mode"], each["height"], each["width"]) for name, each in said.items()} == {
        "right": ("L", 6, 10),
        "left": ("RGB", 8, 8),
    }
    assert {(each["resize"], each["fraction"], each["interpolation"]) for each in said.values()} == {
        ("crop", 0.8, "bicubic")
    }
    described = ask(served["rest"], "/openapi.json").json["paths"][f"/predictions/{MODEL}"]["post"]["requestBody"]
    assert "image/*" not in described["content"]
    samples = described["content"]["application/json"]["schema"]["anyOf"][0]["properties"]["instances"]["items"]
    assert samples["required"] == ["right", "numbers", "left"]
    assert samples["properties"]["left"]["anyOf"][0]["required"] == ["b64"]


def test_torchserves_handler_in_an_archive_takes_the_same_instances(
    bundle: Bundle, files: Files, tensors: Arrays, expected: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    from tests.serving.torchserve.test_handler import Context
    from torchferry.serving.torchserve.handler import Handler

    (made,) = archive(bundle, tmp_path, ["onnx-fp32"])
    with zipfile.ZipFile(made) as content:
        content.extractall(tmp_path / "content")
    broken = {name: [each[0][:200]] for name, each in files.items()} | {"left": files["left"][:1]}
    handler, context = Handler(), Context(tmp_path / "content", [{}, {}])
    handler.initialize(context)
    first = {name: values[:1] for name, values in tensors.items()}
    rows = [{"body": instances(files, tensors)}, {"body": instances(broken, first)}]
    answer, refusal = handler.handle(rows, context)
    (output,) = json.loads(answer)["outputs"]
    np.testing.assert_allclose(np.array(output["data"]).reshape(output["shape"]), expected, atol=1e-5)
    assert (context.statuses[1][0], "'right': the image is damaged" in json.loads(refusal)["detail"]) == (400, True)


def test_predict_takes_them_as_json_lines_and_refuses_a_picture_alone(
    bundle: Bundle, files: Files, tensors: Arrays, expected: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    samples = json.loads(instances(files, tensors))["instances"]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(each) + "\n" for each in samples))
    (tmp_path / "left.jpg").write_bytes(files["left"][0])
    options = ["--bundle", str(bundle.root), "--format", "jsonl", "--processes", "1"]
    predict([str(tmp_path / "pairs.jsonl"), *options])
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    np.testing.assert_allclose([each["outputs"]["output_0"] for each in said], expected, atol=1e-5)
    with pytest.raises(Exception, match=r"TwoPictures has several inputs.*send \{\"instances\""):
        predict([str(tmp_path / "left.jpg"), *options])


def test_the_options_hold_for_each_picture_and_it_is_said(capsys: pytest.CaptureFixture) -> None:
    load_given(parser().parse_args(["--model", f"tests.serving.networks.{MODEL}", *INPUTS, *PICTURES]))
    words = "each picture (right, left) is prepared alike, but for its size and colours: "
    assert f"{words}--interpolation, --normalize, --resize\n" in capsys.readouterr().out


def test_tritons_configuration_has_each_input_as_it_is(bundle: Bundle) -> None:
    said = config(bundle, "onnx-fp32")
    assert said.count("TYPE_UINT8") == 2
    assert [part.split('"')[1] for part in said.split("input {")[1:]] == ["right", "numbers", "left"]
