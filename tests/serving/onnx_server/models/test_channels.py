"""Channels on a running server: traffic by weight, canary, promotion and rollback."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.commands import run_command
from tests.serving.altered import another_version
from tests.serving.onnx_server.asking import ask, tensor
from tests.serving.onnx_server.conftest import StartServer
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.registry.catalogue import Catalogue
from torchferry.serving.registry.publish import publish

INFER = "/v2/models/digits/infer"
MANAGED = "/v2/repository/models/digits"
IMAGE = {"inputs": [tensor("image", np.zeros((1, 1, 8, 8), np.uint8))]}


@pytest.fixture
def second(bundle: Path, tmp_path: Path) -> Path:
    return another_version(bundle, tmp_path, "2.0")


def versions(rest: str, count: int, path: str = INFER) -> Counter[str]:
    return Counter(ask(rest, path, IMAGE).json["model_version"] for _ in range(count))


def test_without_channels_the_last_bundle_answers(bundle: Path, second: Path, start_server: StartServer) -> None:
    addresses = start_server(bundle, second).wait_ready()
    assert versions(addresses["rest"], 20) == {"2.0": 20}
    assert ask(addresses["admin"], f"{MANAGED}/channels").json == {"stable": {"version": "2.0", "weight": 1}}


def test_weights_share_the_requests(bundle: Path, second: Path, start_server: StartServer) -> None:
    options = ("--channel", "digits/stable=1.0", "--channel", "digits/canary=2.0@0.25")
    addresses = start_server(bundle, second, options=options).wait_ready()
    shared = versions(addresses["rest"], 400)
    assert set(shared) == {"1.0", "2.0"}
    assert 60 <= shared["2.0"] <= 140  # 100 expected; beyond four standard deviations otherwise
    assert versions(addresses["rest"], 5, "/v2/models/digits/versions/canary/infer") == {"2.0": 5}
    assert versions(addresses["rest"], 5, "/v2/models/digits/versions/1.0/infer") == {"1.0": 5}


def test_a_canary_is_loaded_promoted_and_rolled_back(
    bundle: Path, second: Path, start_server: StartServer, tmp_path: Path
) -> None:
    publish(bundles.load(second), Catalogue(ObjectStore(str(tmp_path)), "digits"))
    addresses = start_server(bundle, options=("--registry", tmp_path)).wait_ready()
    rest, admin = addresses["rest"], addresses["admin"]
    canary = {"parameters": {"bundle": f"{tmp_path}/digits@2.0", "channel": "canary", "weight": 0}}
    assert ask(admin, f"{MANAGED}/load", canary).status == 200
    assert versions(rest, 10) == {"1.0": 10}
    promoted: dict[str, Any] = {"stable": "2.0", "canary": {"version": "2.0"}}
    assert ask(admin, f"{MANAGED}/channels", promoted).status == 200
    assert versions(rest, 10) == {"2.0": 10}
    assert ask(admin, f"{MANAGED}/rollback", {}).json["stable"] == {"version": "1.0", "weight": 1}
    assert versions(rest, 10) == {"1.0": 10}
    assert ask(admin, f"{MANAGED}/unload", {"parameters": {"version": "1.0"}}).status == 200
    assert versions(rest, 10) == {"2.0": 10}
    gone = ask(admin, f"{MANAGED}/rollback", {})
    assert gone.status == 400
    assert "1.0: is not loaded any more" in gone.json["detail"]


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ({"canary": "1.0"}, "needs a channel 'stable'"),
        ({"stable": "9.9"}, "digits 9.9 is not loaded"),
        ({"stable": "1.0", "a": {"version": "1.0", "weight": 0.6}, "b": {"version": "1.0", "weight": 0.6}}, "1.2"),
        ({"stable": "1.0", "canary": {"version": "1.0", "weight": 2}}, "weight is 2"),
        ({"stable": "1.0", "canary": 3}, "'canary' is 3"),
    ],
)
def test_wrong_channels_are_refused_and_change_nothing(
    served: dict[str, str], channels: dict[str, Any], words: str
) -> None:
    before = ask(served["admin"], f"{MANAGED}/channels").json
    refused = ask(served["admin"], f"{MANAGED}/channels", channels)
    assert refused.status in (400, 422)
    assert words in refused.json["detail"]
    assert ask(served["admin"], f"{MANAGED}/channels").json == before


def test_channels_are_not_for_the_main_port(served: dict[str, str]) -> None:
    assert ask(served["rest"], f"{MANAGED}/channels").status == 404


@pytest.mark.parametrize("given", ["digits", "digits/canary=9.9", "digits/canary=1.0@2", "other/canary=1.0"])
def test_a_wrong_option_is_one_line(bundle: Path, given: str) -> None:
    done = run_command("-m", "torchferry", "up", "--runtime", "onnx", bundle, "--channel", given)
    assert done.returncode == 2
    assert done.stderr.startswith("torchferry: ")
    assert len(done.stderr.splitlines()) == 1
