"""Both servers take the same bodies, and refuse the same ones by the same codes: one test body over both."""

import base64
import csv
import gzip
import io
import json
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image
from urllib3 import encode_multipart_formdata

from tests.server import Server
from tests.serving.onnx_server.asking import LENGTH, Answer, arrays, ask, tensor
from tests.serving.onnx_server.made import export_table
from tests.serving.reflecting import files_of, services_of
from tests.waiting import wait_until
from torchferry.serving.codec import predictions_grpc

ROW = "1,2,3,4,5,6,7,8"
CURL = "application/x-www-form-urlencoded"
"""What curl says of any body, with --data-binary and with -d."""


@dataclass(frozen=True)
class Served:
    rest: str
    grpc_target: str
    digits: str
    """The models' names."""
    table: str
    admin: str
    models: Sequence[str]
    """Also those of TorchServe's that no test asks."""
    bundles: Mapping[str, Path]
    """Of the ONNX Runtime server, by model."""

    def unload(self, model: str) -> None:
        if self.bundles:
            answer = ask(self.admin, f"/v2/repository/models/{model}/unload", {})
        else:
            answer = ask(self.admin, f"/models/{model}", {}, method="DELETE")
        assert answer.status == 200, answer.body

    def load(self, model: str) -> None:
        if self.bundles:
            body = {"parameters": {"bundle": str(self.bundles[model])}}
            answer = ask(self.admin, f"/v2/repository/models/{model}/load", body)
        else:
            path, headers = f"/models?url={model}.mar&synchronous=true", {"Content-Type": "application/json"}
            answer = ask(self.admin, path, headers=headers, method="POST")
        assert answer.status == 200, answer.body

    def predict(self, model: str, body: bytes, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.rest, f"/predictions/{model}", body, given)

    def call(self, body: Mapping[str, bytes], model: str = "") -> Any:
        """The answer over gRPC, or the status that it has instead."""
        request = predictions_grpc.Request(model_name=model or self.digits, input=body)
        with self.channel() as channel:
            try:
                return json.loads(predictions_grpc.predictions(channel)(request, timeout=60).prediction)
            except grpc.RpcError as error:
                return error.code().name

    def channel(self) -> grpc.Channel:
        return grpc.insecure_channel(self.grpc_target, [("grpc.enable_http_proxy", 0)])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_table(tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module", params=["onnx", "torchserve"])
def served(
    request: pytest.FixtureRequest,
    starts_server: None,
    bundle: Path,
    table: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """TorchServe behind its gateway, and the ONNX Runtime server."""
    ours = request.param == "onnx"
    if not ours and shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    options = () if ours else ("--gateway", "nginx")
    folder = tmp_path_factory.mktemp(request.param)
    server = Server(bundle, table, folder=folder, runtime=request.param, options=options)
    try:
        at = server.wait_ready()
        variant = "" if ours else "-onnx-fp32"
        bundles = {"digits": bundle, "table": table} if ours else {}
        names, admin = (f"digits{variant}", f"table{variant}"), at["admin" if ours else "management"]
        yield Served(at["rest"], at["grpc"], *names, admin, [*at["models"]], bundles)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def image(samples: Path) -> bytes:
    return sorted(samples.glob("*/*.png"))[0].read_bytes()


def label(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return {name: answer.json[name] for name in ("label", "probability", "top_k")}


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", CURL, "text/plain", ""])
def test_a_picture_is_taken_whatever_its_type_is_called(served: Served, image: bytes, kind: str) -> None:
    expected = label(served.predict(served.digits, image, Content_Type="image/png"))
    assert label(served.predict(served.digits, image, **{"Content_Type": kind} if kind else {})) == expected


def test_a_packed_body_is_unpacked(served: Served, image: bytes) -> None:
    expected = label(served.predict(served.digits, image))
    half = len(image) // 2
    members = gzip.compress(image[:half]) + gzip.compress(image[half:])
    for encoding, body in (
        ("gzip", gzip.compress(image)),
        ("GZip", members),
        ("deflate", zlib.compress(image)),
        ("identity", image),
    ):
        assert label(served.predict(served.digits, body, Content_Encoding=encoding)) == expected


@pytest.mark.parametrize("name", ["data", "body", "picture"])
def test_a_form_may_carry_the_picture(served: Served, image: bytes, name: str) -> None:
    body, kind = encode_multipart_formdata({name: ("0.png", image, "image/png"), "top_k": "2"})
    sent = served.predict(served.digits, image, X_Top_K="2")
    assert label(served.predict(served.digits, body, Content_Type=kind)) == label(sent)
    assert len(sent.json["top_k"]) == 2
    packed = served.predict(served.digits, gzip.compress(body), Content_Type=kind, Content_Encoding="gzip")
    assert label(packed) == label(sent)


def test_a_form_of_which_something_would_be_left_out_is_refused(served: Served, image: bytes) -> None:
    picture = ("0.png", image, "image/png")
    for others, words in (
        ({"comment": "hello"}, "the form has comment and data for the model"),
        ({"body": picture}, "the form has body and data for the model"),
    ):
        body, kind = encode_multipart_formdata({"data": picture, **others})
        answer = served.predict(served.digits, body, Content_Type=kind)
        assert (answer.status, answer.json["code"]) == (400, "not_decodable")
        assert words in answer.json["detail"]
    body, kind = encode_multipart_formdata({"data": picture})
    answer = served.predict(served.digits, body + b"more", Content_Type=kind)
    assert (answer.status, answer.json["code"]) == (400, "not_decodable")


@pytest.mark.parametrize("kind", ["text/csv", CURL, "text/plain", ""])
def test_rows_are_taken_as_lines_and_as_json(served: Served, kind: str) -> None:
    headers = {"Content_Type": kind} if kind else {}
    one = label(served.predict(served.table, ROW.encode(), **headers))
    numbers = [float(cell) for cell in next(csv.reader([ROW]))]
    for content in ({"instances": [numbers]}, {"instances": [numbers] * 3}):
        answer = served.predict(served.table, json.dumps(content).encode(), **headers).json
        assert answer["predictions"] == [one] * len(content["instances"])
    two = served.predict(served.table, f"{ROW}\r\n{ROW}\n".encode(), **headers).json
    assert two["predictions"] == [one] * 2


def test_tensors_are_taken_as_json_and_raw(served: Served) -> None:
    pixels = np.arange(128, dtype=np.uint8).reshape(2, 1, 8, 8) % 17
    body = json.dumps({"inputs": [tensor("image", pixels)]}).encode()
    path = f"/v2/models/{served.digits}/infer"
    raw = {LENGTH: "0", "Content-Type": "application/octet-stream", "Accept": "application/octet-stream"}
    expected = arrays(served.predict(served.digits, body))["probabilities"]
    for answer in (ask(served.rest, path, body), ask(served.rest, path, pixels.tobytes(), raw)):
        np.testing.assert_array_equal(arrays(answer)["probabilities"], expected)


def animated() -> bytes:
    """Of several pictures, of which nobody says which is meant."""
    frames, file = [Image.new("L", (8, 8), grey) for grey in (0, 255)], io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def test_what_is_refused_has_the_same_status_and_code(served: Served, image: bytes) -> None:
    twice, kind = encode_multipart_formdata([("data", ("0.png", image)), ("data", ("1.png", image))])
    two, other = encode_multipart_formdata({"a": ("0.png", image), "b": ("1.png", image)})
    rows = json.dumps({"inputs": [tensor("image", np.zeros((1025, 1, 8, 8), np.uint8))]}).encode()
    for body, headers, status, code in (
        (b"no picture", {}, 400, "not_decodable"),
        (b"", {}, 400, "not_decodable"),
        (animated(), {}, 400, "not_decodable"),
        (twice, {"Content_Type": kind}, 400, "not_decodable"),
        (two, {"Content_Type": other}, 400, "not_decodable"),
        (image, {"Content_Type": "multipart/form-data"}, 400, "not_decodable"),
        (image, {"Content_Encoding": "gzip"}, 400, "not_decodable"),
        (gzip.compress(image) + b"more", {"Content_Encoding": "gzip"}, 400, "not_decodable"),
        (image, {"Content_Encoding": "br"}, 415, "unsupported_type"),
        (image, {"Content_Type": "video/mp4"}, 415, "unsupported_type"),
        (gzip.compress(bytes(2**24 + 1)), {"Content_Encoding": "gzip"}, 413, "too_large"),
        (bytes(2**24 + 1), {}, 413, "too_large"),
        (rows, {}, 413, "too_large"),
        (image, {"X_Top_K": "many"}, 422, "wrong_parameter"),
        (b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}', {}, 422, "wrong_tensor"),
    ):
        answer = served.predict(served.digits, body, **headers)
        assert (answer.status, answer.json["code"]) == (status, code), answer.body
        assert set(answer.json) == {"error", "code", "detail"}
    for path, method, status, code in (
        ("/predictions/nobody", "POST", 404, "unknown_model"),
        (f"/predictions/{served.digits}/9", "POST", 404, "unknown_model"),
        (f"/predictions/{served.digits}?top_k=3", "POST", 422, "wrong_parameter"),
        ("/nothing", "GET", 404, "not_found"),
        (f"/predictions/{served.digits}", "DELETE", 405, "method_not_allowed"),
    ):
        answer = ask(served.rest, path, image if method == "POST" else None, method=method)
        assert (answer.status, answer.json["code"]) == (status, code), answer.body


@pytest.fixture(scope="module")
def bomb() -> str:
    """6 kB that are 50 million pixels."""
    file = io.BytesIO()
    Image.new("1", (7071, 7071)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("count", [60, 1024])
def test_more_pixels_than_a_request_may_have_are_refused_and_others_are_answered(
    served: Served, image: bytes, bomb: str, count: int
) -> None:
    """Twice, beside other pictures: decoding went on for minutes, and every other picture's request was too late."""
    instances = json.dumps({"instances": [{"b64": bomb}] * count}).encode()
    files = {"name": "image", "shape": [count], "datatype": "BYTES", "data": [bomb] * count}
    tensors = json.dumps({"inputs": [files]}).encode()
    path = f"/v2/models/{served.digits}/infer"
    with ThreadPoolExecutor(4) as clients:
        sent = [clients.submit(served.predict, served.digits, instances) for _ in range(2)]
        sent += [clients.submit(ask, served.rest, path, tensors) for _ in range(2)]
        for _ in range(20):
            assert served.predict(served.digits, image).status == 200
        refused = [each.result() for each in sent]
    for answer in refused:
        assert (answer.status, answer.json["code"]) == (413, "too_large"), answer.body
        words = f"the {count} pictures have {count * 7071**2:,} pixels; a request may have 256,000,000"
        assert answer.json["detail"] == words
    assert served.call({"data": instances}) == "RESOURCE_EXHAUSTED"


def test_as_many_pixels_as_a_request_may_have_are_decoded(served: Served, bomb: str) -> None:
    answer = served.predict(served.digits, json.dumps({"instances": [{"b64": bomb}] * 5}).encode())
    assert (answer.status, len(answer.json["predictions"])) == (200, 5)


NESTED = [
    (b"[" + b"[]," * 2**20 + b"[]]", "the JSON has more than 1,048,576 lists and objects"),
    (b"1,2,3,4,5,6,7,8\n" * 1026, "the body has more than 1,024 lines"),
    (b"," * 2**22, "the body has more than 2,097,152 cells"),
]


@pytest.mark.parametrize(("body", "words"), NESTED, ids=["lists", "lines", "cells"])
def test_more_elements_than_are_read_are_refused(served: Served, body: bytes, words: str) -> None:
    answer = served.predict(served.table, body)
    assert (answer.status, answer.json["code"]) == (413, "too_large"), answer.body
    assert words in answer.json["detail"]


def test_a_form_of_very_many_parts_is_refused(served: Served, image: bytes) -> None:
    body, kind = encode_multipart_formdata([(f"c{number}", "x") for number in range(100_000)])
    answer = served.predict(served.digits, body, Content_Type=kind)
    assert (answer.status, answer.json["code"]) == (400, "not_decodable")
    assert "more than 16 parts" in answer.json["detail"]
    assert served.predict(served.digits, image).status == 200


def test_a_call_over_grpc_has_the_same_answer_or_status(served: Served, image: bytes) -> None:
    expected = served.predict(served.digits, image).json
    assert served.call({"data": image}) == served.call({"body": image}) == expected
    assert len(served.call({"data": image, "top_k": b"2"})["top_k"]) == 2
    for given, status in (
        ({"data": b"no picture"}, "INVALID_ARGUMENT"),
        ({"data": animated()}, "INVALID_ARGUMENT"),
        ({"data": image, "other": b"x"}, "INVALID_ARGUMENT"),
        ({}, "INVALID_ARGUMENT"),
        ({"data": bytes(2**24 + 2**17)}, "RESOURCE_EXHAUSTED"),
        ({"data": bytes(40_000_000)}, "RESOURCE_EXHAUSTED"),
    ):
        assert served.call(given) == status
    assert served.call({"data": image}, model="nobody") == "NOT_FOUND"


def test_health_and_reflection_are_there(served: Served) -> None:
    with served.channel() as channel:
        checked = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert checked.status == health_pb2.HealthCheckResponse.SERVING
        for version in ("v1", "v1alpha"):
            assert {predictions_grpc.SERVICE, "grpc.health.v1.Health"} <= services_of(channel, version)
            [file] = files_of(channel, version, predictions_grpc.SERVICE)
            assert [method.name for method in file.service[0].method] == ["Predictions"]


def test_without_a_model_a_request_is_to_be_tried_later(served: Served, image: bytes) -> None:
    """Of whatever name: nobody knows which will be there. With a model, an unknown name is not found."""
    names = (served.digits, "nobody")
    for model in served.models:
        served.unload(model)
    try:
        wait_until(lambda: {served.predict(name, image).status for name in names} == {503})
        answer = served.predict("nobody", image)
        assert (answer.json["code"], answer.json["detail"]) == ("unavailable", "no model is loaded")
        assert int(answer.headers["Retry-After"]) > 0
        assert [served.call({"data": image}, model=name) for name in names] == ["UNAVAILABLE"] * 2
    finally:
        for model in (served.digits, served.table):
            served.load(model)
    wait_until(lambda: [served.predict(name, image).status for name in names] == [200, 404])
    assert served.call({"data": image}, model="nobody") == "NOT_FOUND"
