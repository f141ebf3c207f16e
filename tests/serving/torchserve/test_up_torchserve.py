"""The arguments of `torchferry up --runtime torchserve`: archives, folders of them, and those refused."""

import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.forks import ROOT
from tests.serving.openvino import MISSING
from tests.serving.tiny_bundle import variant, written
from tests.serving.torchserve.tiny_archive import archived
from tests.waiting import wait_until
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.signature import TrustedKeys
from torchferry.serving.torchserve.broken import Broken
from torchferry.serving.torchserve.launcher import TorchServe
from torchferry.serving.torchserve.settings import Settings
from torchferry.serving.torchserve.up_torchserve import beside, find_archives, main

JAVA = """#!/bin/sh
[ "$1" = -version ] && { echo 'openjdk version "17.0.1"' >&2; exit; }
trap '' TERM
touch "$STARTED"
exec sleep 100
"""
"""It neither gets ready nor ends when it is told to."""
PATIENT = """
import sys
from torchferry.serving.torchserve import launcher, up_torchserve
launcher.STOP_SECONDS = 3600
up_torchserve.main(sys.argv[1:])
"""


def test_archives_come_in_the_order_given_and_those_of_a_folder_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    inside = [archived(folder, name) for name in "hgfedcba"]
    alone = archived(tmp_path, "z")
    (folder / "notes.txt").touch()
    assert find_archives([alone, folder], tmp_path / "made", None) == [alone, *inside[::-1]]
    assert not (tmp_path / "made").exists()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mar").write_text("no archive")
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "nowhere.mar", "empty"):
        with pytest.raises(UserError, match=rf"{name}: is neither a bundle, nor a \.mar archive, nor a folder"):
            find_archives([tmp_path / name], tmp_path / "made", None)
    with pytest.raises(UserError, match=r"text\.mar: is damaged, or not an archive"):
        find_archives([tmp_path / "text.mar"], tmp_path / "made", None)


def test_what_is_no_model_is_left_out_if_that_is_asked_for(tmp_path: Path) -> None:
    good, broken = archived(tmp_path / "store"), Broken(skip=True)
    (tmp_path / "store" / "text.mar").write_text("no archive")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "model.json").write_text('{"name": "digits", "version": "2.0"}')
    given = [tmp_path / "store", tmp_path / "bundle", tmp_path / "nowhere"]
    assert find_archives(given, tmp_path / "made", None, broken) == [good]
    assert broken.reasons.keys() == {("text", ""), ("digits", "2.0"), ("nowhere", "")}
    with pytest.raises(UserError, match=r"^none of the models can be served$"):
        find_archives(given[1:], tmp_path / "made", None, Broken(skip=True))


@pytest.mark.usefixtures("without_openvino")
def test_a_variant_whose_runtime_is_not_installed_is_refused_before_anything_starts(tmp_path: Path) -> None:
    bundle = replace(written(tmp_path), variants={"openvino-fp32": variant()})
    bundles.write(bundle)
    for given in (archived(tmp_path / "store", "tiny-openvino-fp32", variant="openvino-fp32"), bundle.root):
        with pytest.raises(UserError, match=f"^{re.escape(f'{given}: {MISSING}')}$"):
            find_archives([given], tmp_path / "made", None)
    assert not (tmp_path / "made").exists()


def test_a_model_is_served_from_one_place(tmp_path: Path) -> None:
    twice = [archived(tmp_path / folder) for folder in ("first", "second")]
    with pytest.raises(UserError, match=r"^tiny-onnx-fp32: is given more than once; serve each model from one place$"):
        find_archives(twice, tmp_path / "made", None)


def test_an_unsigned_archive_is_not_taken_where_signatures_are_required(tmp_path: Path) -> None:
    path = archived(tmp_path / "store")
    for given in (path, path.parent):
        with pytest.raises(UserError, match=r"\.mar: is not signed, and has to be"):
            find_archives([given], tmp_path / "made", TrustedKeys([]))


def test_a_ready_file_that_cannot_be_one_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--ready-file: .* cannot be a file"):
        main([str(tmp_path / "nowhere"), "--gateway", "none", "--ready-file", str(tmp_path)])


def test_a_second_signal_while_it_starts_ends_it_at_once(tmp_path: Path) -> None:
    java, started = tmp_path / "bin" / "java", tmp_path / "started"
    java.parent.mkdir()
    java.write_text(JAVA)
    java.chmod(0o755)
    environment = os.environ | {"JAVA_HOME": str(tmp_path), "STARTED": str(started)}
    free = ["--gateway", "none", "--port", "0", "--grpc-port", "0", "--metrics-port", "0"]
    command = [sys.executable, "-c", PATIENT, str(archived(tmp_path / "store")), *free]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        wait_until(lambda: started.exists() or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        assert process.wait(50) in (130, 143)  # whichever came second to it
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("gateway", "runs"), [("none", False), ("nginx", True)])
def test_what_a_gateway_would_lead_to_is_not_there_without_one(tmp_path: Path, gateway: str, runs: bool) -> None:
    server = TorchServe([archived(tmp_path / "store")], Settings(port=0, grpc_port=0, metrics_port=0, gateway=gateway))
    try:
        with beside(server, server.running) as (_, services):
            assert (services.port != 0) == runs
            assert ("grpc-services" in {thread.name for thread in threading.enumerate()}) == runs
    finally:
        server.stop()
