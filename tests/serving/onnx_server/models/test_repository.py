"""Versions come and go under load; every request is answered, and by the version that it says."""

import asyncio
import dataclasses
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
import urllib3
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families
from tritonclient.grpc import service_pb2 as messages

from tests.serving.altered import another_version, damaged, unloadable
from tests.serving.onnx_server.asking import Answer, ask
from tests.serving.onnx_server.calling import call, channel
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.wire import INFER, Connection, body, connections, in_loop, outcomes
from torchferry.serving.bundle import bundle as bundles

SECONDS = float(os.environ.get("TORCHFERRY_TEST_SWAP_SECONDS", "15"))
CLIENTS = 200
FACTORS = {"1.0": 1.0, "2.0": 2.0, "3.0": 3.0}
"""By how much each version's answers are larger than the first one's."""
REPOSITORY = "/v2/repository/models/digits/"


class Admin:
    def __init__(self, address: str) -> None:
        self.address = address

    def load(self, bundle: Path) -> Answer:
        return ask(self.address, REPOSITORY + "load", {"parameters": {"bundle": str(bundle)}})

    def reload(self) -> Answer:
        return ask(self.address, REPOSITORY + "load", {})

    def unload(self, version: str = "") -> Answer:
        return ask(self.address, REPOSITORY + "unload", {"parameters": {"version": version}} if version else {})


@pytest.fixture
def versions(bundle: Path, tmp_path: Path) -> dict[str, Path]:
    return {"1.0": bundle} | {
        version: another_version(bundle, tmp_path, version, factor) for version, factor in list(FACTORS.items())[1:]
    }


@pytest.fixture
def addresses(start_server: StartServer, bundle: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    server = start_server(options=("--bundle-root", bundle, "--bundle-root", tmp_path))
    yield server.wait_ready()
    assert server.process.poll() is None


@in_loop
async def test_under_load_each_request_is_answered_by_the_version_it_says(
    addresses: dict[str, str], versions: dict[str, Path]
) -> None:
    inputs, expected = (next(iter(values.values())) for values in bundles.load(versions["1.0"]).golden())
    sent, right = body(data=inputs[0].ravel().tolist()), expected[0]
    counted: Counter[tuple[str, int]] = Counter()
    end = time.monotonic() + SECONDS
    async with connections(addresses["rest"], CLIENTS) as clients:
        swapping = asyncio.create_task(asyncio.to_thread(swap_until, Admin(addresses["admin"]), versions, end))
        await asyncio.gather(*(ask_until(client, end, sent, right, counted) for client in clients))
        assert await swapping >= 3
    assert {status for version, status in counted if version in ("", "1.0")} == {200}
    assert {status for version, status in counted if version in ("2.0", "3.0")} - {503} == {200, 404}
    found = outcomes(addresses["metrics"])
    assert found["ok"] == sum(count for (_, status), count in counted.items() if status == 200)
    assert found["server_error"] == found["overloaded"] == 0


def swap_until(admin: Admin, versions: dict[str, Path], end: float) -> int:
    """Load, switch, load again, unload; how often. The first version stays, and is replaced by itself."""
    rounds = 0
    while time.monotonic() < end:
        rounds += 1
        steps = [admin.load(versions["2.0"]), admin.load(versions["3.0"]), admin.unload("2.0")]
        steps += [admin.load(versions["1.0"]), admin.reload(), admin.unload("3.0")]
        assert [step.status for step in steps] == [200] * len(steps), [step.body for step in steps]
    return rounds


async def ask_until(
    client: Connection, end: float, sent: bytes, right: np.ndarray, counted: Counter[tuple[str, int]]
) -> None:
    """Now this version, now that, or none."""
    while time.monotonic() < end:
        version = random.choice(["", *FACTORS])
        path = INFER.replace("/infer", f"/versions/{version}/infer") if version else INFER
        status, _, content = await client.post(path, sent)
        counted[version, status] += 1
        if status == 200:
            answer = json.loads(content)
            assert answer["model_version"] == (version or answer["model_version"])
            wanted = FACTORS[answer["model_version"]] * right
            np.testing.assert_allclose(answer["outputs"][0]["data"], wanted, atol=1e-4)
        await asyncio.sleep(0.02)


def test_what_was_loaded_last_answers_and_versions_stand_side_by_side(
    addresses: dict[str, str], versions: dict[str, Path]
) -> None:
    admin, rest = Admin(addresses["admin"]), addresses["rest"]
    assert admin.load(versions["2.0"]).status == 200
    assert ask(rest, INFER, body()).json["model_version"] == "2.0"
    assert ask(rest, INFER.replace("/infer", "/versions/1.0/infer"), body()).json["model_version"] == "1.0"
    assert ask(rest, "/v2/models/digits").json["versions"] == ["1.0", "2.0"]
    assert admin.unload("2.0").status == 200
    assert ask(rest, INFER, body()).json["model_version"] == "1.0"
    assert ask(rest, INFER.replace("/infer", "/versions/2.0/infer"), body()).status == 404


def test_a_damaged_bundle_is_refused_and_the_old_one_keeps_serving(
    addresses: dict[str, str], bundle: Path, tmp_path: Path
) -> None:
    admin, rest = Admin(addresses["admin"]), addresses["rest"]
    for broken, words in [
        (damaged(bundle, tmp_path, "2.0"), "model.onnx: is damaged"),
        (damaged(bundle, tmp_path, "1.0"), "model.onnx: is damaged"),
        (unloadable(bundle, tmp_path, "2.0"), "model.onnx: onnxruntime cannot load it"),
        (tmp_path / "nowhere", "is not a bundle"),
    ]:
        answer = admin.load(broken)
        assert (answer.status, set(answer.json)) == (400, {"error", "code", "detail"})
        assert words in answer.json["detail"]
        assert ask(rest, INFER, body()).json["model_version"] == "1.0"
    index = ask(rest, "/v2/repository/index", {}).json
    assert {(model["version"], model["state"]) for model in index} >= {("1.0", "READY"), ("2.0", "UNAVAILABLE")}


def test_a_variant_that_is_refused_since_is_not_read_again(
    addresses: dict[str, str], bundle: Path, tmp_path: Path
) -> None:
    admin, rest = Admin(addresses["admin"]), addresses["rest"]
    other = another_version(bundle, tmp_path, "2.0")
    assert admin.load(other).status == 200
    loaded = bundles.load(other)
    refused = {name: dataclasses.replace(variant, status="refused") for name, variant in loaded.variants.items()}
    for variants in (refused, {}):
        bundles.write(dataclasses.replace(loaded, variants=variants))
        answer = admin.reload()
        assert answer.status == 400, answer.body
        assert "onnx-fp32: the bundle's accepted variants for this server are none" in answer.json["detail"]
        assert ask(rest, INFER, body()).json["model_version"] == "2.0"


def test_a_server_without_any_model_is_not_ready_and_asks_to_come_again(
    addresses: dict[str, str], bundle: Path
) -> None:
    admin, rest = Admin(addresses["admin"]), addresses["rest"]
    assert admin.unload().status == 200
    for answer in (ask(rest, INFER, body()), ask(rest, "/v2/models/digits")):
        assert (answer.status, answer.json["code"]) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json["detail"] == "no model is loaded"
    assert (ask(rest, "/v2/health/ready").status, ask(rest, "/ping").status) == (400, 503)
    assert not call(addresses["grpc"], "ServerReady", messages.ServerReadyRequest()).ready
    assert health(addresses["grpc"]) == "NOT_SERVING"
    assert admin.unload().status == 404
    assert admin.load(bundle).status == 200
    assert ask(rest, INFER, body()).status == 200
    assert ask(rest, "/v2/health/ready").status == 200
    assert health(addresses["grpc"]) == "SERVING"


def health(target: str) -> str:
    with channel(target) as opened:
        said = health_pb2_grpc.HealthStub(opened).Check(health_pb2.HealthCheckRequest(), timeout=60)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(said.status))


def test_a_version_that_could_not_be_loaded_is_unavailable_until_it_is_unloaded(
    addresses: dict[str, str], bundle: Path, tmp_path: Path
) -> None:
    admin, rest = Admin(addresses["admin"]), addresses["rest"]
    second = INFER.replace("/infer", "/versions/2.0/infer")
    assert ask(rest, second, body()).status == 404
    assert admin.load(damaged(bundle, tmp_path, "2.0")).status == 400
    assert ask(rest, second, body()).status == 503
    with pytest.raises(grpc.RpcError) as caught:
        call(addresses["grpc"], "ModelInfer", messages.ModelInferRequest(model_name="digits", model_version="2.0"))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert dict(caught.value.trailing_metadata())["retry-after"] == "30"
    ready = messages.ModelReadyRequest(name="digits", version="2.0")
    assert not call(addresses["grpc"], "ModelReady", ready).ready
    assert broken(addresses["metrics"]) == {("digits", "1.0"): 0, ("digits", "2.0"): 1}
    assert outcomes(addresses["metrics"])["unavailable"] == 2
    assert admin.unload("2.0").status == 200
    assert ask(rest, second, body()).status == 404
    assert broken(addresses["metrics"]) == {("digits", "1.0"): 0}


def broken(metrics: str) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(urllib3.request("GET", metrics).data.decode())
    (family,) = (each for each in families if each.name == "torchferry_serve_model_broken")
    return {(sample.labels["model"], sample.labels["version"]): sample.value for sample in family.samples}


def test_what_cannot_be_loaded_is_skipped_if_that_is_asked_for(
    start_server: StartServer, bundle: Path, tmp_path: Path
) -> None:
    given = (bundle, damaged(bundle, tmp_path, "2.0"), tmp_path / "nowhere")
    options = ("--skip-broken", "--channel", "digits/stable=2.0", "--channel", "digits/canary=2.0")
    server = start_server(*given, options=options)
    addresses = server.wait_ready()
    assert ask(addresses["rest"], INFER, body()).json["model_version"] == "1.0"
    for version in ("2.0", "canary"):
        answer = ask(addresses["rest"], INFER.replace("/infer", f"/versions/{version}/infer"), body())
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30"), version
    index = ask(addresses["rest"], "/v2/repository/index", {}).json
    assert [(model["name"], model["version"], model["state"]) for model in index] == [
        ("digits", "1.0", "READY"),
        (str(tmp_path / "nowhere"), "", "UNAVAILABLE"),
        ("digits", "2.0", "UNAVAILABLE"),
    ]
    assert "model.onnx: is damaged" in index[-1]["reason"]
    assert broken(addresses["metrics"])["digits", "2.0"] == broken(addresses["metrics"])[str(given[2]), ""] == 1
    said = server.log.read_text()
    assert said.count("; it is skipped") == 2
    assert "digits/stable: is left out, as 2.0 is skipped" in said


def test_only_the_admin_port_loads_and_unloads(addresses: dict[str, str]) -> None:
    assert ask(addresses["rest"], REPOSITORY + "unload", {}).status == 404
    assert addresses["admin"].startswith("http://127.0.0.1:")
    assert ask(addresses["rest"], INFER, body()).status == 200
