"""A wheel of the checkout works beside somebody's own `training/`, `serving.py` and `benchmarks/`.

Its environment has the wheel and nothing else of ours; what it depends on is this environment's.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.running import starts
from tests.waiting import wait_until

pytestmark = [pytest.mark.server, pytest.mark.torchrun]

SOURCES = ("torchferry", "training", "serving", "benchmarks", "k8s", "pyproject.toml", "README.md", "LICENSE")
THEIRS = "raise SystemExit('somebody else has written this')\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, "-w", made, source], check=True, timeout=300)
    (found,) = made.glob("torchferry-*.whl")
    return found


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`torchferry` as the wheel installs it."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", *options, wheel], check=True, timeout=300
    )
    # A folder that is named here is searched, but the .pth files in it are not read, ours among them.
    (packages,) = folder.glob("lib/*/site-packages")
    (packages / "depends.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "torchferry"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with modules of the former names."""
    place = tmp_path_factory.mktemp("project")
    for name in ("training/__init__.py", "training/__main__.py", "benchmarks/__init__.py", "serving.py"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(THEIRS)
    return place


@pytest.fixture(scope="module")
def run(program: Path, folder: Path) -> Path:
    """Trained by two processes from the recipe in the wheel."""
    (recipe,) = program.parents[1].glob("lib/*/site-packages/torchferry/training/recipes/digits.yaml")
    quick = ["--epochs", "2", "--schedule.warmup_steps", "2", "--metrics.port", "null"]
    said = ask(program, folder, "train", "--nproc-per-node", 2, "--config", recipe, *quick)
    assert "digits: 2 x cpu" in said
    return folder / "runs" / "digits"


def start(program: Path, folder: Path, *words: object) -> subprocess.Popen[str]:
    command = [str(program), *map(str, words)]
    starts("server", command)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment["PATH"] = f"{program.parent}:{environment['PATH']}"
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def ask(program: Path, folder: Path, *words: object) -> str:
    """What the command says; it has to end well."""
    with start(program, folder, *words) as process:
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def test_the_wheel_has_our_packages_under_one_name(wheel: Path) -> None:
    listed = subprocess.run([sys.executable, "-m", "zipfile", "-l", wheel], capture_output=True, text=True, check=True)
    names = [line.split()[0] for line in listed.stdout.splitlines()[1:]]
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"torchferry"}
    for part in ("training/recipes/digits.yaml", "serving/torchserve/log4j2.xml", "benchmarks/report/style.css"):
        assert f"torchferry/{part}" in names


@pytest.fixture(scope="module")
def bundle(program: Path, folder: Path, run: Path) -> Path:
    assert "2 of 2 variants accepted" in ask(program, folder, "export", run, "--variants", "torch,onnx-fp32")
    return run / "bundle"


@pytest.fixture(scope="module")
def served(program: Path, folder: Path, bundle: Path) -> Iterator[dict[str, str]]:
    ready = folder / "ready.json"
    free = [word for port in ("--port", "--grpc-port", "--metrics-port", "--admin-port") for word in (port, "0")]
    process = start(program, folder, "up", "--runtime", "onnx", bundle, *free, "--ready-file", ready)
    wait_until(lambda: ready.exists() or process.poll() is not None, 120)
    assert process.poll() is None, process.communicate()[0]
    yield json.loads(ready.read_text())
    process.terminate()
    process.communicate(timeout=60)


def test_it_trains_exports_serves_and_predicts(program: Path, folder: Path, run: Path, served: dict[str, str]) -> None:
    ask(program, folder, "samples", run, "--count", 3)
    images = sorted((run / "samples").rglob("*.png"))
    port = served["rest"].rpartition(":")[2]
    said = ask(program, folder, "predict", "--model", "digits", "--port", port, *images)
    assert len(said.splitlines()) == len(images) == 3


def test_a_run_of_before_the_namespace_goes_on(program: Path, folder: Path) -> None:
    """Its checkpoint names a class of `training.state`, which here would be somebody else's module."""
    run = shutil.copytree(ROOT / "tests" / "made_before" / "run", folder / "runs" / "linear-regression")
    options = ["--runs_dir", "runs", "--max_steps", 6, "--metrics.port", "null", "--metrics.tensorboard", "false"]
    assert "goes on after step 3" in ask(program, folder, "train", "--config", run / "config.yaml", *options)


def test_it_archives_what_carries_its_own_code(program: Path, folder: Path, bundle: Path) -> None:
    assert "digits-onnx-fp32.mar" in ask(program, folder, "archive", bundle)


def test_it_renders_from_the_manifests_in_the_wheel(program: Path, folder: Path) -> None:
    ask(program, folder, "render", "--recipe", "digits", "-o", "overlay")
    assert (folder / "overlay" / "kustomization.yaml").is_file()
