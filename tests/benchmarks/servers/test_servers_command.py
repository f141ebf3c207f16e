"""`servers`: what it is asked is checked before anything is started, and without a figure it fails with each reason."""

import os
from pathlib import Path

import pytest

from tests.benchmarks.servers.jobs import a_bundle
from torchferry.benchmarks.servers.servers_command import main
from torchferry.errors import ServerFault, UserError


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--servers", "ours,nobody"), "there is no 'nobody'; choose of ours, torchserve, torchserve-gateway, "),
        (
            ("--servers", "ours,bare", "--to", "triton"),
            "--to: 'triton' is not measured; give one of --servers: ours, bare",
        ),
        (("--variant", "torch"), "has no accepted 'torch' that is ONNX, only onnx-fp32"),
        (("--rounds", 0), "--rounds: 0 is too small"),
        (("--slo-ms", 0), "--slo-ms: 0.0 is too small"),
        (("--batch", "on,sometimes"), "--batch: 'on,sometimes' is not off, on, or off,on"),
        (("--batch", "on", "--to", "ours"), "--to: 'ours' is not measured; give one of --servers: ours+batch, "),
        (("--rates", "50;200"), "--rates: '50;200' is not a list of rates, such as 50,200"),
        (("--rates", "50,0"), "--rates: 0 is too small; give numbers above 0"),
        (("--cpus", ",".join(map(str, os.sched_getaffinity(0)))), "--cpus: leaves no core for the servers"),
    ],
)
def test_bad_options_are_refused_in_one_line(tmp_path: Path, change: tuple[object, ...], words: str) -> None:
    a_bundle(tmp_path)
    with pytest.raises(UserError) as refused:
        main([str(tmp_path), *map(str, change)])
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_where_none_is_measured_each_reason_is_said(tmp_path: Path) -> None:
    a_bundle(tmp_path)
    with pytest.raises(ServerFault) as failed:
        main([str(tmp_path), "--servers", "kserve,bare", "--batch", "on"])
    for words in ("none was measured; kserve+batch: its batcher is", "; bare+batch: a loop has one sample at a time"):
        assert words in str(failed.value)


def test_a_bundle_without_an_onnx_variant_has_none_to_choose(tmp_path: Path) -> None:
    a_bundle(tmp_path, variants={})
    with pytest.raises(UserError, match="has no accepted 'onnx-fp32' that is ONNX, only none"):
        main([str(tmp_path)])
