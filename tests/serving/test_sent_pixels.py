"""Boxes and masks of both servers, over all protocols, are where people see things in the picture that they send."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tritonclient.grpc import service_pb2 as messages
from urllib3 import encode_multipart_formdata

from tests.server import Server
from tests.serving.bright_bundle import (
    BOXES,
    HEIGHT,
    MASK,
    WIDTH,
    bright_png,
    written_boxes,
    written_mask,
    written_own_size,
)
from tests.serving.onnx_server.asking import LENGTH, arrays, ask, tensor
from tests.serving.onnx_server.calling import call, infer_request, output_arrays
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.client import GrpcClient, RestClient
from torchferry.serving.predict.predict_command import main as predict

SENT: tuple[tuple[tuple[int, int], tuple[int, int, int, int]], ...] = (
    ((320, 240), (60, 50, 200, 120)),
    ((120, 300), (15, 120, 75, 165)),
    ((1280, 720), (400, 210, 820, 570)),
    ((32, 24), (3, 4, 9, 20)),
)
"""Sizes of pictures, width first, and what is bright in them, well inside of what a crop shows."""
FILES = [bright_png(*size, box) for size, box in SENT]
INPUT = np.zeros((1, 1, HEIGHT, WIDTH), np.uint8)
INPUT[:, :, 3:9, 5:20] = 255
pytestmark = pytest.mark.server


@dataclass(frozen=True)
class Served:
    rest: str
    grpc: str
    suffix: str

    def predict(self, model: str, body: bytes, query: str = "", **headers: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = ask(self.rest, f"/predictions/{model}{self.suffix}{query}", body, given)
        assert answer.status == 200, answer.body
        return answer

    def infer(self, model: str, body: Any, **headers: str) -> dict[str, np.ndarray]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.suffix:  # TorchServe has no other path for BYTES
            return arrays(self.predict(model, json.dumps(body).encode(), **headers))
        return arrays(ask(self.rest, f"/v2/models/{model}/infer", body, given))


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, ...]:
    folder = tmp_path_factory.mktemp("bright")
    mask = written_mask(folder, resize="crop", fraction=0.75)
    return written_boxes(folder, resize="pad"), mask, written_own_size(folder)


@pytest.fixture(scope="module", params=["onnx", "torchserve"])
def served(
    request: pytest.FixtureRequest,
    starts_server: None,
    bundles: tuple[Bundle, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """Ours keeps answers, and puts requests together."""
    ours = request.param == "onnx"
    options = ("--cache-bytes", 2**20, "--max-batch", 8, "--max-delay-ms", 20) if ours else ("--gateway", "nginx")
    roots = [bundle.root for bundle in bundles]
    server = Server(*roots, folder=tmp_path_factory.mktemp("bright"), runtime=request.param, options=options)
    try:
        at = server.wait_ready()
        yield Served(at["rest"], at["grpc"], "" if ours else "-onnx-fp32")
    finally:
        server.stop()


def in_base64(file: bytes) -> str:
    return base64.b64encode(file).decode()


def check_box(found: Any, size: tuple[int, int], box: tuple[int, ...]) -> None:
    """To a pixel of the network's, which is the larger one; exactly where it falls on whole ones."""
    pixel = max(size[0] / WIDTH, size[1] / HEIGHT)
    assert np.abs(np.array(found) - box).max() <= pixel, (found, size, box)


def test_a_picture_is_answered_with_boxes_in_its_own_pixels(served: Served) -> None:
    for file, (size, box) in zip(FILES, SENT, strict=True):
        said = served.predict("boxes", file).json
        check_box(said["objects"][0]["box"], size, box)
        assert said["size"] == [size[1], size[0]]
        form, kind = encode_multipart_formdata({"data": ("a.png", file, "image/png")})
        assert served.predict("boxes", form, Content_Type=kind).json == said
        for client in (RestClient(served.rest), GrpcClient(served.grpc)):
            with client:
                assert client.predict(f"boxes{served.suffix}", file) == said
                read = client.arrays(f"boxes{served.suffix}", file, BOXES)
                check_box(read["boxes"][0], size, box)
                assert not read["boxes"][1].any()


def test_pictures_of_unequal_sizes_in_one_request(served: Served) -> None:
    body = json.dumps({"instances": [{"b64": in_base64(file)} for file in FILES]}).encode()
    for said, (size, box) in zip(served.predict("boxes", body).json["predictions"], SENT, strict=True):
        check_box(said["objects"][0]["box"], size, box)
        assert said["size"] == [size[1], size[0]]
    files = {"name": "image", "datatype": "BYTES", "shape": [len(FILES)], "data": [in_base64(file) for file in FILES]}
    outputs = served.infer("boxes", {"inputs": [files]})
    for found, (size, box) in zip(outputs["boxes"], SENT, strict=True):
        check_box(found[0], size, box)
        assert not found[1].any()


def test_requests_that_are_computed_together_or_kept_have_each_their_own_pixels(served: Served) -> None:
    """All are one picture to the network; twice, so that the second comes from the cache."""
    sizes = [(32 * times, 24 * times) for times in (1, 2, 3, 10)] * 2
    files = [bright_png(*size, (0, 0, *size)) for size in sizes]
    with ThreadPoolExecutor(4) as pool:
        for said, size in zip(pool.map(lambda file: served.predict("boxes", file).json, files), sizes, strict=True):
            assert said["objects"][0]["box"] == [0, 0, *size]


def test_a_picture_is_answered_as_people_see_it(served: Served) -> None:
    """Its EXIF turns it by a quarter to the right."""
    exif = Image.Exif()
    exif[0x0112] = 6
    file = bright_png(300, 200, (60, 20, 120, 50), "JPEG", exif=exif, quality=95)
    said = served.predict("boxes", file).json
    assert said["size"] == [300, 200]
    check_box(said["objects"][0]["box"], (200, 300), (150, 60, 180, 120))
    with Image.open(io.BytesIO(served.predict("boxes", file, "?form=png").body)) as drawn:
        assert drawn.size == (400, 600), "twice as large, so that its letters can be read"


def test_tensors_stay_in_their_own_pixels(served: Served) -> None:
    said = served.predict("boxes", json.dumps({"instances": INPUT.tolist()}).encode()).json
    assert said["predictions"][0] == {
        "objects": [{"label": "bright", "score": 1.0, "box": [5, 3, 20, 9]}],
        "size": [HEIGHT, WIDTH],
    }
    assert served.infer("boxes", {"inputs": [tensor("image", INPUT)]})["boxes"][0, 0].tolist() == [5, 3, 20, 9]


def test_boxes_are_drawn_into_the_picture_that_was_sent(served: Served) -> None:
    file = served.predict("boxes", FILES[0], "?form=png").body
    with Image.open(io.BytesIO(file)) as drawn:
        pixels = np.asarray(drawn).astype(int)
    assert pixels.shape == (240, 320, 3)
    coloured = np.argwhere(np.ptp(pixels, axis=2) > 50)
    left, top, right, bottom = SENT[0][1]
    assert np.abs(coloured.max(axis=0) - (bottom, right)).max() <= 10
    assert np.abs(coloured[:, 1].min() - left) <= 10
    assert pixels[(top + bottom) // 2, (left + right) // 2].tolist() == [255] * 3, "its own pixels"


def test_a_mask_has_the_pictures_size_and_says_what_was_not_seen(served: Served) -> None:
    (width, height), (left, top, right, bottom) = SENT[2]
    said = served.predict("mask", FILES[2]).json
    assert said["size"] == [height, width]
    mask = MASK.read(said)["classes"]
    with Image.open(io.BytesIO(served.predict("mask", FILES[2], Accept="image/png").body)) as opened:
        assert np.array_equal(np.asarray(opened), mask)
    bright = np.argwhere(mask == 1)
    assert np.abs(bright.min(axis=0) - (top, left)).max() <= 24
    assert np.abs(bright.max(axis=0) + 1 - (bottom, right)).max() <= 24
    shown = np.argwhere(mask != 255)
    assert 0 < shown[:, 1].min() < shown[:, 1].max() < width - 1
    assert sum(said["shares"].values()) == pytest.approx(1)
    with RestClient(served.rest) as client:
        assert np.array_equal(client.arrays(f"mask{served.suffix}", FILES[2], MASK)["classes"], mask)
    both = json.dumps({"instances": [{"b64": in_base64(file)} for file in FILES[:2]]}).encode()
    assert [each["size"] for each in served.predict("mask", both).json["predictions"]] == [[240, 320], [300, 120]]


def test_a_batch_of_mask_tensors_has_the_networks_size(served: Served) -> None:
    files = {"name": "image", "datatype": "BYTES", "shape": [2], "data": [in_base64(file) for file in FILES[:2]]}
    assert served.infer("mask", {"inputs": [files]})["classes"].shape == (2, HEIGHT, WIDTH)


def test_a_picture_of_its_own_size_has_a_mask_of_that_size_pixel_by_pixel(served: Served) -> None:
    """Among others of other sizes. The last ones are made smaller, and larger."""
    sizes = [*((320, 240), (120, 300), (33, 57), (34, 24), (16, 16)) * 4, (1280, 720), (12, 8)]
    boxes = [(width // 4, height // 3, width // 2, height - height // 5) for width, height in sizes]
    files = [bright_png(*size, box) for size, box in zip(sizes, boxes, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda file: served.predict("own", file, Accept="image/png").body, files))
    for answer, (width, height), (left, top, right, bottom) in zip(answers, sizes, boxes, strict=True):
        with Image.open(io.BytesIO(answer)) as opened:
            mask = np.asarray(opened)
        wanted = np.zeros((height, width), np.uint8)
        wanted[top:bottom, left:right] = 1
        assert mask.shape == wanted.shape
        assert (mask != wanted).mean() <= (0.0 if 16 <= height <= 320 and width <= 480 else 0.1), (width, height)
    assert served.predict("own", files[2]).json["size"] == [57, 33]
    with RestClient(served.rest) as client:
        assert client.arrays(f"own{served.suffix}", files[2], MASK)["classes"].shape == (57, 33)


def test_pictures_of_their_own_size_share_a_request_only_if_they_are_of_one(served: Served) -> None:
    path = f"/predictions/own{served.suffix}"
    files = [bright_png(*size, (0, 0, 20, 20)) for size in ((34, 50), (40, 49), (41, 49), (900, 20))]
    alike, unlike = (json.dumps({"instances": [{"b64": in_base64(file)} for file in each]}).encode()
                     for each in (files[:2], files[:3]))  # fmt: skip
    assert [each["size"] for each in served.predict("own", alike).json["predictions"]] == [[50, 34], [49, 40]]
    refused = ask(served.rest, path, unlike)
    assert refused.status == 422
    assert "[1, 56, 40], [1, 56, 48]" in refused.json["detail"]
    assert "requests of their own" in refused.json["detail"]
    narrow = ask(served.rest, path, files[3])
    assert narrow.status == 400
    assert "900 x 20 pixels, of whose ratio no picture has 16 to 480 across and 16 to 320 down" in narrow.json["detail"]
    odd = {"inputs": [tensor("image", np.zeros((1, 1, 24, 33), np.uint8))]}
    assert "has 33 width; the model takes multiple of 8 from 16 to 480" in str(ask(served.rest, path, odd).json)


def test_predict_writes_boxes_of_the_sent_pictures_with_a_server_and_without(
    served: Served, bundles: tuple[Bundle, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / f"{place}.png" for place in range(len(FILES))]
    for path, file in zip(paths, FILES, strict=True):
        path.write_bytes(file)
    port = served.rest.rpartition(":")[2]
    asked = ["--model", f"boxes{served.suffix}", "--port", port], ["--bundle", str(bundles[0].root), "--processes", "1"]
    for options in asked:
        predict([*map(str, paths), *options, "--format", "csv"])
        header, *records = csv.reader(io.StringIO(capsys.readouterr().out))
        assert header == ["source", "row", "objects", "size", "error"]
        for (*_, objects, said, _), (size, box) in zip(records, SENT, strict=True):
            check_box(json.loads(objects)[0]["box"], size, box)
            assert json.loads(said) == [size[1], size[0]]


def test_tensors_over_grpc_are_those_over_rest(served: Served) -> None:
    if served.suffix:
        pytest.skip("TorchServe has no ModelInfer")
    request = messages.ModelInferRequest(model_name="boxes")
    given = request.inputs.add(name="image", datatype="BYTES", shape=[len(FILES)])
    given.contents.bytes_contents.extend(FILES)
    raw = messages.ModelInferRequest(model_name="boxes")
    raw.inputs.add(name="image", datatype="BYTES", shape=[len(FILES)])
    raw.raw_input_contents.append(b"".join(len(file).to_bytes(4, "little") + file for file in FILES))
    raw.outputs.add(name="boxes")
    body = raw.raw_input_contents[0]
    head = {"name": "image", "datatype": "BYTES", "shape": [len(FILES)]}
    text = json.dumps({"inputs": [head | {"parameters": {"binary_data_size": len(body)}}]}).encode()
    over_rest = served.infer("boxes", text + body, **{LENGTH.replace("-", "_"): str(len(text))})
    for found in (over_rest, *(output_arrays(call(served.grpc, "ModelInfer", each)) for each in (request, raw))):
        for boxes, (size, box) in zip(found["boxes"], SENT, strict=True):
            check_box(boxes[0], size, box)
    own = output_arrays(call(served.grpc, "ModelInfer", infer_request("boxes", {"image": INPUT})))
    assert own["boxes"][0, 0].tolist() == [5, 3, 20, 9]


def test_metadata_say_whose_pixels_they_are(served: Served) -> None:
    if served.suffix:
        pytest.skip("TorchServe has no metadata of tensors")
    said = ask(served.rest, "/v2/models/boxes").json["parameters"]["pixels"]
    assert list(said) == ["boxes"]
    assert said["boxes"].startswith("in pixels of the picture that was sent")
    assert "255 where" in ask(served.rest, "/v2/models/mask").json["parameters"]["pixels"]["classes"]
    schemas = json.dumps(ask(served.rest, "/openapi.json").json["components"]["schemas"]["Prediction-boxes"])
    assert '"size"' in schemas
