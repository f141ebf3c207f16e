"""Recipes, runs, bundles and archives that an earlier layout made still load; `made_before/` holds one of each.

They are of commit 72bebb9, the last one whose trainer was one folder of modules, by these commands:

    python -m training --config training/recipes/linear-regression.yaml --max_steps 3 --checkpoint.every_steps 3 \
        --checkpoint.keep 1 --metrics.port null --metrics.tensorboard false
    python -m serving export runs/linear-regression --variants onnx-fp32,torch
    python -m serving archive runs/linear-regression/bundle
"""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.commands import run_command
from tests.server import Server
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.client import RestClient
from torchferry.serving.session import check_golden, open_variant
from torchferry.training.config.cli import parse

BEFORE = Path(__file__).with_name("made_before")
QUIET = ("--metrics.port", "null", "--metrics.tensorboard", "false")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BEFORE / "run", tmp_path / "linear-regression"))


def test_a_recipe() -> None:
    assert parse(["--config", str(BEFORE / "recipe.yaml")]).name == "housing-regression"


def test_a_run_goes_on_where_it_stood(run: Path) -> None:
    options = ("--runs_dir", run.parent, "--max_steps", 6, *QUIET)
    done = run_command("-m", "torchferry.training", "--config", run / "config.yaml", *options)
    assert done.returncode == 0, done.stderr
    assert "goes on after step 3" in done.stdout
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 6
    whole = run_command("-m", "torchferry.training", "--config", run / "config.yaml", *options, "--name", "whole")
    assert whole.returncode == 0, whole.stderr
    weights = "model/weights.safetensors"
    assert (run / weights).read_bytes() == (run.parent / "whole" / weights).read_bytes()


def test_a_run_is_exported(run: Path) -> None:
    done = run_command("-m", "torchferry", "export", run, "--variants", "onnx-fp32")
    assert done.returncode == 0, done.stderr
    assert bundles.load(run / "bundle").accepted == ["onnx-fp32"]


@pytest.mark.parametrize("variant", ["onnx-fp32", "torch"])
def test_a_bundle(variant: str) -> None:
    bundle = bundles.load(BEFORE / "bundle")
    assert bundle.accepted == ["onnx-fp32", "torch"]
    check_golden(open_variant(bundle, variant, threads=1), bundle, variant)


@pytest.mark.server
def test_an_archive_runs_the_code_that_it_carries(tmp_path: Path) -> None:
    server = Server(BEFORE / "linear-regression-onnx-fp32.mar", folder=tmp_path)
    inputs, _ = bundles.load(BEFORE / "bundle").golden()
    try:
        with RestClient(server.wait_ready()["rest"], 30) as client:
            assert client.infer("linear-regression-onnx-fp32", inputs)
    finally:
        server.stop()


@pytest.mark.server
def test_an_archive_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    damaged = tmp_path / "linear-regression-onnx-fp32.mar"
    with zipfile.ZipFile(BEFORE / damaged.name) as source, zipfile.ZipFile(damaged, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, source.read(name)[: -1 if name.endswith(".onnx") else None])
    server = Server(damaged, folder=tmp_path)
    try:
        assert server.process.wait(120) == 1
    finally:
        server.stop()
    assert "linear-regression-onnx-fp32: cannot be loaded: " in server.log.read_text()
