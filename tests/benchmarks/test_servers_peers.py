"""`servers`: the peers in environments of their own, batching, fixed rates and sizes on disk.

An environment takes a while to make, so that one of them stands for all; TORCHFERRY_TEST_PEERS=all takes each.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.test_servers import QUICK, left_with, servers
from torchferry.benchmarks.report.report_command import main as report
from torchferry.benchmarks.servers.table import Row

CHOSEN = ["bentoml"]  # the quickest to install
ALL = ["litserve", "bentoml", "mlserver", "kserve", "ray-serve", "triton-python"]
PEERS = ALL if os.environ.get("TORCHFERRY_TEST_PEERS") == "all" else CHOSEN
NO_BATCHING = {"kserve": "its batcher is in the agent", "bare": "a loop has one sample at a time"}
ABOUT = {"server": "x 1", "protocol": "rest", "workers": 1, "threads": 1, "payload_bytes": 223}


@pytest.mark.server
@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_in_its_own_environment_answers_and_ends(
    peer: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEASURED_BY", str(tmp_path))
    content = servers(bundle, tmp_path, "--servers", peer, "--batch", "off,on", *QUICK)
    assert not left_with("MEASURED_BY", str(tmp_path))
    measured, missing = content["results"]["measured"], content["results"]["missing"]
    batching = [] if peer in NO_BATCHING else [f"{peer}+batch"]
    assert [row["name"] for row in measured] == [peer, *batching], missing
    for row in measured:
        assert min(row["rounds"][0].values()) > 0
    assert measured[0]["rounds"][0]["MB on disk"] > 100  # of which onnxruntime and numpy are most


@pytest.mark.server
@pytest.mark.serial
def test_with_batching_and_at_fixed_rates(bundle: Path, tmp_path: Path) -> None:
    words = ("--servers", "ours,bare,kserve", "--batch", "on", "--rates", "20,40", *QUICK)
    content = servers(bundle, tmp_path, *words)
    missing = content["results"]["missing"]
    assert {name.removesuffix("+batch"): reason[:20] for name, reason in missing.items()} == {
        name: reason[:20] for name, reason in NO_BATCHING.items()
    }
    (ours,) = content["results"]["measured"]
    assert ours["name"] == "ours+batch"
    assert ours["to"] == {}
    assert {f"{which} ms at {rate}/s" for which in ("p50", "p99") for rate in (20, 40)} <= ours["rounds"][0].keys()
    assert content["figures"]["ours+batch answered/s"]["better"] == "higher"


def test_a_rate_that_is_not_followed_has_no_point_in_the_report(tmp_path: Path) -> None:
    slow, lost = {"p99 ms at 5/s": 2.0}, {"p99 ms at 5/s": 3.0, "p99 ms at 50/s": 9.0}
    common = {"p50 ms": 1.0, "answered/s": 60.0}
    rounds = {"often": [common | slow, common | lost, common | lost], "once": [common, common | slow, common | lost]}
    found = [Row(name=name, about=ABOUT, rounds=of, base="ours", compared={}) for name, of in rounds.items()]
    content: dict[str, Any] = {
        "model": "digits",
        "measured": [row.record() for row in found],
        "missing": {},
        "interrupted": None,
    }
    page = drawn(content, tmp_path)
    assert "Latency at fixed rates, p99" in page
    assert "often: 9 at 50" in page
    assert "once: 2.5 at 5" in page
    assert "once: 9 at 50" not in page


def drawn(content: object, folder: Path) -> str:
    """The report on results of `servers`."""
    record = {"benchmark": "servers", "command": [], "machine": {}, "figures": {}, "results": content}
    record |= {"arguments": {"bundle": "runs/digits/bundle", "variant": "onnx-fp32"}}
    (folder / "servers.json").write_text(json.dumps(record))
    report([str(folder / "servers.json"), "-o", str(folder / "made.html")])
    return (folder / "made.html").read_text()
