import dataclasses
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.commands import ROOT, run_command, run_python
from tests.serving.tiny_bundle import FILE, VARIANT, written, written_external
from tests.waiting import wait_until
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.torchserve.archive import Serving, archive


def test_an_archive_holds_one_variant_and_the_code_that_serves_it(store: Path) -> None:
    assert {path.name for path in store.iterdir()} == {"digits-torch.mar", "digits-onnx-fp32.mar"}
    with zipfile.ZipFile(store / "digits-onnx-fp32.mar") as archive:
        names = set(archive.namelist())
    assert {"handler.py", "model.json", "model-config.yaml", "variants/onnx-fp32/model.onnx"} <= names
    assert "variants/torch/model.pt2" not in names
    assert "torchferry/contract/image.py" in names


def test_the_handler_runs_the_archives_own_code(store: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(store / "digits-torch.mar") as archive:
        archive.extractall(tmp_path)
    code = "import handler, torchferry, sys; print(torchferry.__file__)"
    done = run_python("-c", code, cwd=tmp_path)
    assert done.stdout.strip() == str(tmp_path / "torchferry" / "__init__.py"), done.stderr


def test_existing_archives_are_left_as_they_are(bundle: Path, store: Path) -> None:
    before = {path: path.read_bytes() for path in store.iterdir()}
    done = run_command("-m", "torchferry", "archive", bundle)
    assert (done.returncode, "exists already" in done.stderr) == (2, True)
    assert {path: path.read_bytes() for path in store.iterdir()} == before


@pytest.mark.parametrize(("limit", "asked", "together"), [(None, 8, 8), (1, 8, 1), (4, 8, 4), (4, 2, 2)])
def test_requests_are_not_put_together_beyond_what_the_bundle_allows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], limit: int | None, asked: int, together: int
) -> None:
    bundle = dataclasses.replace(written(tmp_path), max_batch=limit)
    bundles.write(bundle)
    [path] = archive(bundle, tmp_path / "store", [VARIANT], Serving(batch_size=asked))
    with zipfile.ZipFile(path) as mar:
        how = yaml.safe_load(mar.read("model-config.yaml"))
        assert json.loads(mar.read("model.json"))["max_batch"] == limit
    assert (how["batchSize"], how["maxBatchDelay"]) == (together, 5 if together > 1 else 0)
    said = capsys.readouterr().err
    assert (f"--batch-size {asked} is not used" in said) == (together < asked), said


def test_weights_beside_the_graph_travel_along(tmp_path: Path) -> None:
    [path] = archive(written_external(tmp_path), tmp_path / "store", [VARIANT])
    with zipfile.ZipFile(path) as mar:
        assert {FILE, f"{FILE}.data"} <= set(mar.namelist())


def test_a_folder_with_odd_characters_does_for_a_store(bundle: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a [b], c*"
    done = run_command("-m", "torchferry", "archive", bundle, "--output", odd)
    assert done.returncode == 0, done.stderr
    assert len(list(odd.glob("*.mar"))) == 2


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    done = run_command("-m", "torchferry", "archive", tmp_path)
    assert done.returncode == 2
    assert "is not a bundle" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_damaged_bundle_is_refused_before_anything_is_written(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    (copy / "golden" / "inputs.npz").write_bytes(b"")
    done = run_command("-m", "torchferry", "archive", copy, "--output", tmp_path / "store")
    assert (done.returncode, "inputs.npz: is damaged" in done.stderr) == (2, True)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("small_disk", [1], indirect=True)
def test_a_full_disk_is_said_in_one_line(bundle: Path, small_disk: Path) -> None:
    done = run_command("-m", "torchferry", "archive", bundle, "--output", small_disk / "store")
    assert done.returncode == 1, done.stderr
    assert "No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not list((small_disk / "store").iterdir())


def test_sigterm_leaves_no_half_made_archive(bundle: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torchferry", "archive", str(bundle), "--output", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as archive:
        wait_until(lambda: any(tmp_path.iterdir()))
        archive.terminate()
    assert archive.returncode == 143
    assert not list(tmp_path.glob(".*"))
