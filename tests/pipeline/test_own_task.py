"""The task of CONTRIBUTING.md, in a file of the user's, from training to both servers' answers."""

import json
import re
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.commands import RECIPES, ROOT, run_python
from tests.server import Server
from torchferry.contract.tasks.own import ALLOW, ALLOWS
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.errors import BundleError

EXAMPLE = re.compile(r"in a file of your own, `stars.py`:\n\n```python\n(.*?)```", re.IGNORECASE | re.DOTALL)
LINES = 40
"""An own task is a screen of code at the most."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained and exported, with the task's file where Python finds it."""
    found = EXAMPLE.search((ROOT / "CONTRIBUTING.md").read_text())
    assert found
    folder = tmp_path_factory.mktemp("stars")
    (folder / "stars.py").write_text(found[1])
    train = ("train", "--config", RECIPES / "digits.yaml", "--epochs", 2, "--runs_dir", folder, "--name", "stars")
    trained = run_python("-m", "torchferry", *train, "--task", "stars.Ordered", PYTHONPATH=str(folder))
    assert trained.returncode == 0, trained.stderr
    assert "closeness 0.9" in trained.stdout
    exported = run_python(
        *("-m", "torchferry", "export", folder / "stars", "--variants", "onnx-fp32,onnx-int8"), PYTHONPATH=str(folder)
    )
    assert exported.returncode == 0, exported.stderr
    return folder / "stars"


def test_it_is_short() -> None:
    found = EXAMPLE.search((ROOT / "CONTRIBUTING.md").read_text())

    assert found
    assert found[1].count("\n") <= LINES


def test_the_gate_judges_by_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWS, ALLOW)
    bundle = bundles.load(run / "bundle")

    for variant in bundle.variants.values():
        assert variant.measured.metric == "closeness"
        assert variant.limits["max_drop"] == 0.002
    assert bundle.reference["score"] > 0.9


def test_its_code_does_not_run_unasked(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALLOWS, raising=False)

    with pytest.raises(BundleError, match=f"task/stars.py: is code.*{ALLOWS}={ALLOW}"):
        bundles.load(run / "bundle")


def test_changed_code_never_runs(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWS, ALLOW)
    file = run / "bundle" / "task" / "stars.py"
    kept = file.read_text()
    file.write_text(kept + "raise SystemExit\n")
    try:
        with pytest.raises(BundleError, match="is damaged"):
            bundles.load(run / "bundle")
    finally:
        file.write_text(kept)


@pytest.mark.parametrize("runtime", ["onnx", "torchserve"])
@pytest.mark.server
def test_both_servers_answer_as_it_says(
    run: Path, runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALLOWS, ALLOW)
    samples = run_python("-m", "torchferry", "samples", run, "--count", 1, "--output", tmp_path / "samples",
                         PYTHONPATH=str(run.parent))  # fmt: skip
    assert samples.returncode == 0, samples.stderr
    picture = next((tmp_path / "samples").rglob("*.png"))
    server = Server(run / "bundle", folder=tmp_path, runtime=runtime)
    try:
        where = server.wait_ready()["rest"]
        model = "stars" if runtime == "onnx" else "stars-onnx-fp32"
        headers = {"Content-Type": "application/octet-stream"}  # TorchServe takes a form apart, urllib's own word
        asked = urllib.request.Request(f"{where}/predictions/{model}", picture.read_bytes(), headers)
        with urllib.request.urlopen(asked) as answer:
            said = json.load(answer)
    finally:
        server.stop()

    assert said["label"] == picture.parent.name
    assert abs(said["expected"] - int(said["label"])) < 2


def test_archives_have_it(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWS, ALLOW)
    done = run_python("-m", "torchferry", "archive", run / "bundle", "--output", tmp_path / "store")

    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "store" / "stars-onnx-fp32.mar") as archive:
        assert "task/stars.py" in archive.namelist()
