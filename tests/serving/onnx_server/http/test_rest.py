"""Open Inference Protocol over REST: health, metadata, inference, and what else the paths answer."""

import asyncio
import importlib.metadata
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.serving.onnx_server.asking import arrays, ask, raw_tensor, tensor
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.onnx_server.in_process import Line, serving_session
from tests.serving.onnx_server.models.held import Held, until
from tests.serving.wire import SECONDS, head, in_loop
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.http.admin import Admin
from torchferry.serving.onnx_server.http.oip_json import SLICE
from torchferry.serving.onnx_server.http.rest import Rest
from torchferry.serving.onnx_server.models.allowed_bundles import AllowedBundles
from torchferry.serving.onnx_server.settings import Settings

DIGITS = "/v2/models/digits"
IMAGE = np.zeros((1, 1, 8, 8), np.uint8)


@pytest.fixture(scope="module")
def rest(several: dict[str, str]) -> str:
    return several["rest"]


def test_health_and_what_the_server_is(rest: str) -> None:
    assert ask(rest, "/v2/health/live").json == {"live": True}
    assert ask(rest, "/v2/health/ready").json == {"ready": True}
    assert ask(rest, "/ping").json == {"status": "Healthy"}
    server = ask(rest, "/v2").json
    assert (server["name"], server["version"]) == ("torchferry", importlib.metadata.version("torchferry"))
    assert set(server["extensions"]) >= {"binary_tensor_data", "classification", "model_repository", "statistics"}


@pytest.mark.parametrize("version", ["", "/versions/1.0"])
def test_a_models_metadata_and_readiness(rest: str, version: str) -> None:
    described = ask(rest, DIGITS + version).json
    assert (described["name"], described["versions"], described["platform"]) == ("digits", ["1.0"], "onnxruntime_onnx")
    assert described["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 1, 8, 8]}]
    assert described["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}]
    ready = ask(rest, f"{DIGITS}{version}/ready")
    assert (ready.status, ready.json) == (200, {"name": "digits", "ready": True})


@pytest.mark.parametrize("version", ["", "/versions/1.0"])
def test_flat_and_nested_data_get_the_checkpoints_answer(rest: str, bundle: Path, version: str) -> None:
    inputs, expected = bundles.load(bundle).golden()
    flat = tensor("image", inputs["image"])
    for given in (flat, flat | {"data": inputs["image"].tolist()}):
        answer = ask(rest, f"{DIGITS}{version}/infer", {"inputs": [given]})
        assert answer.headers["Content-Type"] == "application/json"
        assert (answer.json["model_name"], answer.json["model_version"]) == ("digits", "1.0")
        np.testing.assert_allclose(arrays(answer)["probabilities"], expected["probabilities"], atol=1e-5)


def test_an_id_comes_back_and_none_is_made_up(rest: str) -> None:
    body = {"inputs": [tensor("image", IMAGE)]}
    assert ask(rest, f"{DIGITS}/infer", body | {"id": "number 7"}).json["id"] == "number 7"
    assert "id" not in ask(rest, f"{DIGITS}/infer", body).json


def test_only_the_outputs_that_were_asked_for_in_their_order(rest: str, mirror: Path) -> None:
    inputs, _ = bundles.load(mirror).golden()
    body: dict[str, Any] = {"inputs": [tensor(name, values) for name, values in inputs.items()]}
    assert len(arrays(ask(rest, "/v2/models/mirror/infer", body))) == 12
    answered = arrays(
        ask(rest, "/v2/models/mirror/infer", body | {"outputs": [{"name": "out_FP32"}, {"name": "out_BOOL"}]})
    )
    assert list(answered) == ["out_FP32", "out_BOOL"]
    np.testing.assert_array_equal(answered["out_FP32"], inputs["in_FP32"][:, ::-1])


@pytest.mark.parametrize("parameters", [{"timeout": 20_000_000}, {"priority": "batch"}, {"priority": 2}, {"mine": [1]}])
def test_parameters_are_taken(rest: str, parameters: dict[str, Any]) -> None:
    body = {"inputs": [tensor("image", IMAGE)], "parameters": parameters}
    assert arrays(ask(rest, f"{DIGITS}/infer", body))["probabilities"].shape == (1, 10)


WRONG: list[tuple[Any, int, str]] = [
    (b"", 400, "not JSON of the form"),
    (b"[]", 400, "not JSON of the form"),
    (b"{" * 5000, 400, "not JSON of the form"),
    ({}, 400, "'inputs' is missing"),
    ({"inputs": {}}, 400, "'inputs' is missing or of another type"),
    ({"inputs": [7]}, 400, "'name' is missing"),
    ({"inputs": []}, 422, "the model takes 'image'"),
    ({"inputs": [tensor("picture", IMAGE)]}, 422, "inputs are 'picture'; the model takes 'image'"),
    ({"inputs": [tensor("image", IMAGE)] * 2}, 422, "'image' is given twice"),
    ({"inputs": [tensor("image", IMAGE.astype(np.float32))]}, 422, "datatype FP32; the model takes UINT8"),
    ({"inputs": [tensor("image", IMAGE[:, :, :7])]}, 422, "[1, 1, 7, 8]; the model takes [-1, 1, 8, 8]"),
    ({"inputs": [tensor("image", IMAGE, shape=[0, 1, 8, 8], data=[])]}, 422, "[0, 1, 8, 8]"),
    ({"inputs": [tensor("image", IMAGE, shape=[2, 1, 8, 8])]}, 422, "fill shape [2, 1, 8, 8]"),
    ({"inputs": [tensor("image", IMAGE, data=[256] * 64)]}, 422, "outside 0..255"),
    ({"inputs": [tensor("image", IMAGE, data=[0.5] * 64)]}, 422, "UINT8 numbers"),
    ({"inputs": [tensor("image", IMAGE, data=["1"] * 64)]}, 422, "UINT8 numbers"),
    ({"inputs": [tensor("image", IMAGE)], "outputs": [{"name": "logits"}]}, 422, "there is no output 'logits'"),
    ({"inputs": [tensor("image", IMAGE)], "parameters": {"timeout": -1}}, 422, "timeout is -1"),
    ({"inputs": [tensor("image", IMAGE)], "parameters": {"priority": "soon"}}, 422, "priority is 'soon'"),
    ({"inputs": [tensor("image", IMAGE)], "id": 7}, 400, "'id' is missing or of another type"),
]


@pytest.mark.parametrize(("body", "status", "words"), WRONG)
def test_a_wrong_request_is_told_what_is_wrong(rest: str, body: Any, status: int, words: str) -> None:
    answer = ask(rest, f"{DIGITS}/infer", body)
    assert answer.status == status
    assert words in answer.json["detail"]
    assert answer.json["error"].endswith(answer.json["detail"])


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v2/models/nobody", "there is no model 'nobody'; there are digits, mirror, table, typed"),
        ("/v2/models/nobody/ready", "there is no model 'nobody'"),
        (f"{DIGITS}/versions/2.0", "digits has no version '2.0'; it has 1.0"),
        (f"{DIGITS}/weights", "there is nothing at"),
        ("/", "there is nothing at /"),
    ],
)
def test_what_is_not_there(rest: str, path: str, words: str) -> None:
    answer = ask(rest, path)
    assert answer.status == 404
    assert words in answer.json["detail"]


def test_what_can_be_got_has_a_head(rest: str) -> None:
    answer = ask(rest, "/v2/health/ready", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


def test_a_path_says_which_method_it_takes(rest: str) -> None:
    for path, method, wanted in (
        (f"{DIGITS}/infer", "GET", "POST"),
        (DIGITS, "DELETE", "GET, HEAD"),
        ("/v2", "POST", "GET, HEAD"),
    ):
        answer = ask(rest, path, method=method)
        assert (answer.status, answer.headers["Allow"]) == (405, wanted)


def test_configuration_and_statistics(rest: str) -> None:
    said = ask(rest, f"{DIGITS}/config").json
    assert said["input"] == [{"name": "image", "data_type": "TYPE_UINT8", "dims": [1, 8, 8]}]
    assert said["instance_group"][0] | {"count": 1} == {"name": "onnx-fp32", "kind": "KIND_CPU", "count": 1}
    before, after = (_counts(rest, samples) for samples in (1, 3))
    assert after["inference_count"] == before["inference_count"] + 3
    assert after["inference_stats"]["success"]["count"] == before["inference_stats"]["success"]["count"] + 1
    assert after["inference_stats"]["fail"]["count"] == before["inference_stats"]["fail"]["count"] + 1
    assert after["inference_stats"]["compute_infer"]["ns"] > before["inference_stats"]["compute_infer"]["ns"]
    everyone = [each["name"] for each in ask(rest, "/v2/models/stats").json["model_stats"]]
    assert everyone == ["digits", "mirror", "table", "typed"]


def _counts(rest: str, samples: int) -> Any:
    """The statistics after one more request that is answered, and one that is refused."""
    assert ask(rest, f"{DIGITS}/infer", {"inputs": [tensor("image", np.repeat(IMAGE, samples, axis=0))]}).status == 200
    assert ask(rest, f"{DIGITS}/infer", {"inputs": []}).status == 422
    (statistics,) = ask(rest, f"{DIGITS}/versions/1.0/stats").json["model_stats"]
    return statistics


def test_the_repository_is_listed_everywhere_and_changed_on_the_admin_port_only(start_server: StartServer) -> None:
    addresses = start_server().wait_ready()
    listed = [{"name": "digits", "version": "1.0", "state": "READY", "reason": ""}]
    for server in (addresses["rest"], addresses["admin"]):
        assert ask(server, "/v2/repository/index", method="POST").json == listed
    for call in ("load", "unload"):
        assert ask(addresses["rest"], f"/v2/repository/models/digits/{call}", {}).status == 404
    assert ask(addresses["admin"], "/v2/repository/models/digits/load", {}).status == 200
    assert ask(addresses["rest"], f"{DIGITS}/ready").status == 200
    assert ask(addresses["admin"], "/v2/repository/models/digits/unload", {}).status == 200
    assert ask(addresses["rest"], f"{DIGITS}/ready").json == {"name": "digits", "ready": False}
    assert ask(addresses["rest"], DIGITS).status == 503
    assert ask(addresses["rest"], "/v2/repository/index", {"ready": True}).json == []


@in_loop
async def test_a_bug_behind_the_admin_port_is_answered_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    async def unload(*_: str) -> None:
        raise ZeroDivisionError

    plane: Any = SimpleNamespace(repository=SimpleNamespace(unload=unload), settings=Settings())
    rest: Any = SimpleNamespace(access=Access(None))
    line = Line(Admin(plane, rest, AllowedBundles()))
    said = await line.ask("/v2/repository/models/digits/unload", Content_Type="application/json")
    detail = "a bug of the server: ZeroDivisionError"
    assert (said.status, said.json["code"], said.json["detail"]) == (500, "internal_server_error", detail)
    assert "Traceback" in capsys.readouterr().err


LONG = (np.arange(50 * SLICE) + 0.5).reshape(-1, 2)


class Free(Held):
    """Answers at once."""

    def __init__(self) -> None:
        super().__init__()
        self.may_run.release(1000)


def asking(values: np.ndarray) -> bytes:
    """A request with raw elements, answered in JSON."""
    text = json.dumps({"inputs": [raw_tensor("x", values)]}).encode()
    sent = text + values.tobytes()
    return head("/v2/models/tiny/infer", len(sent), Inference_Header_Content_Length=str(len(text))) + sent


def answered(written: bytes) -> list[Any]:
    """The values of each answer in what a connection was sent."""
    found = []
    while written:
        start, _, rest = written.partition(b"\r\n\r\n")
        assert start.startswith(b"HTTP/1.1 200"), start
        (length,) = (int(line[16:]) for line in start.lower().split(b"\r\n") if line.startswith(b"content-length: "))
        content, written = rest[:length], rest[length:]
        found.append(json.loads(content)["outputs"][0]["data"])
    return found


@in_loop
async def test_a_long_answer_is_whole_and_in_its_place_on_the_connection() -> None:
    few = np.array([[7.0, 8.0]])
    async with serving_session(Free(), max_request_batch=len(LONG)) as (plane, _):
        line = Line(Rest(plane, Access(None)))
        line.send(asking(few) + asking(LONG) + asking(few))
        await until(lambda: not (line.protocol.order or line.protocol.unsent))
        assert answered(b"".join(line.transport.writes)) == [[8, 9], (LONG + 1).ravel().tolist(), [8, 9]]


@in_loop
async def test_the_rest_of_a_long_answer_is_not_written_for_a_client_that_has_gone() -> None:
    async with serving_session(Free(), max_request_batch=len(LONG)) as (plane, model):
        line = Line(Rest(plane, Access(None)))
        line.send(asking(LONG))
        async with asyncio.timeout(SECONDS):
            while not plane.turns.works:
                await asyncio.sleep(0)
        line.lose()
        await until(lambda: not model.admission.inside)
        assert not line.transport.writes
        labels = {"model": "tiny", "version": "1.0", "protocol": "rest", "outcome": "cancelled"}
        assert plane.metrics.registry.get_sample_value("torchferry_serve_requests_total", labels) == 1


@in_loop
async def test_a_fault_before_the_body_is_answered_and_keeps_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async with serving_session(Free()) as (plane, model):
        line = Line(Rest(plane, Access(None)))
        monkeypatch.setattr(plane, "trace", broken)
        said = await line.ask("/v2/models/tiny/infer", traceparent="00-1-1-01")
        assert (said.status, said.json["detail"]) == (500, "a bug of the server: ZeroDivisionError")
        assert not model.admission.inside
        monkeypatch.setattr(plane.repository, "find", broken)
        assert (await line.ask("/v2/models/tiny/infer")).status == 500
