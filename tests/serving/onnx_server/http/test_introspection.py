"""The introspection calls over HTTP: liveness, readiness, metadata, statistics and the model index."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.serving.onnx_server.in_process import Line, Said, serving_bundles
from tests.serving.tiny_bundle import written
from tests.serving.wire import in_loop
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.http import openapi
from torchferry.serving.onnx_server.http.introspection import SMALL
from torchferry.serving.onnx_server.http.rest import Rest


async def told(plane: DataPlane, path: str) -> Said:
    return await Line(Rest(plane, Access(None))).ask(path, method="GET")


async def index(plane: DataPlane, body: Any) -> Said:
    return await Line(Rest(plane, Access(None))).ask("/v2/repository/index", body)


@in_loop
async def test_a_server_that_is_not_ready_is_alive_and_says_so(tmp_path: Path) -> None:
    async with serving_bundles(written(tmp_path)) as plane:
        for path, loading in (("/v2/health/live", 200), ("/v2/health/ready", 400), ("/ping", 503)):
            assert (await told(plane, path)).status == 200
            plane.repository.absent.is_starting = True
            assert (await told(plane, path)).status == loading, path
            plane.repository.absent.is_starting, plane.draining = False, True
            assert (await told(plane, path)).status == loading, path
            plane.draining = False
        assert (await told(plane, "/ping")).json == {"status": "Healthy"}


@in_loop
async def test_a_model_is_as_ready_as_the_server_and_an_unknown_one_is_not_found(tmp_path: Path) -> None:
    async with serving_bundles(written(tmp_path)) as plane:
        assert (await told(plane, "/v2/models/tiny/ready")).json == {"name": "tiny", "ready": True}
        plane.draining = True
        draining = await told(plane, "/v2/models/tiny/ready")
        assert (draining.status, draining.json["ready"]) == (400, False)
        for path in ("/v2/models/nobody/ready", "/v2/models/tiny/versions/9/config", "/v2/models/nobody/stats"):
            assert (await told(plane, path)).status == 404, path


@in_loop
async def test_metadata_names_all_versions_and_describes_the_one_that_was_asked_for(tmp_path: Path) -> None:
    async with serving_bundles(written(tmp_path), written(tmp_path, version="2.0")) as plane:
        said = (await told(plane, "/v2/models/tiny/versions/1.0")).json
    assert said["versions"] == ["1.0", "2.0"]
    assert said["inputs"] == [{"name": "row", "datatype": "FP32", "shape": [-1, 2]}]
    assert said["parameters"] == {"variant": "onnx-fp32", "task": "classification", "labels": ["no", "yes"]}


@in_loop
async def test_statistics_are_of_one_model_or_of_all(tmp_path: Path) -> None:
    async with serving_bundles(written(tmp_path), written(tmp_path, name="other")) as plane:
        for path, names in (("/v2/models/stats", ["tiny", "other"]), ("/v2/models/other/stats", ["other"])):
            assert [model["name"] for model in (await told(plane, path)).json["model_stats"]] == names


@in_loop
async def test_the_index_has_what_could_not_be_loaded_unless_only_ready_ones_are_wanted(tmp_path: Path) -> None:
    async with serving_bundles(written(tmp_path)) as plane:
        plane.repository.absent.failures["tiny", "2.0"] = "is damaged"
        everything, ready = (await index(plane, b"")).json, (await index(plane, {"ready": True})).json
    assert [(model["version"], model["state"]) for model in everything] == [("1.0", "READY"), ("2.0", "UNAVAILABLE")]
    assert [model["version"] for model in ready] == ["1.0"]


@in_loop
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"ready": 1}, 400, "'ready' is neither true nor false"),
        ([], 400, "the body is not a JSON object"),
        (b"{", 400, "the body is not JSON: "),
        (b"\xff", 400, "the body is not JSON: "),
        (b"[" * SMALL, 400, "the body is not JSON: "),
        (b" " * (SMALL + 1), 413, "the body has more than 65,536 bytes"),
    ],
)
async def test_a_body_that_is_no_small_object_is_refused(body: Any, status: int, words: str) -> None:
    async with serving_bundles() as plane:
        said = await index(plane, body)
    assert (said.status, words in said.json["detail"]) == (status, True), said.body


@in_loop
async def test_what_grows_with_the_models_is_written_between_other_things_and_may_lose_one(tmp_path: Path) -> None:
    async with serving_bundles(written(tmp_path), written(tmp_path, name="other")) as plane:
        pieces = openapi.write(plane.repository)
        text = [next(pieces) for _ in range(3)]
        assert b'"/v2/models/tiny/infer"' in text[2]
        await plane.repository.unload("other")
        described = json.loads(b"".join([*text, *pieces]))
        assert {path.split("/")[3] for path in described["paths"] if "/models/" in path} == {"tiny", "stats"}
        assert described == (await told(plane, "/openapi.json")).json
        assert set(described["components"]["schemas"]) >= {"Error", "InferRequest"}
