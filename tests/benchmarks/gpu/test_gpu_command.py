"""The command: it refuses what cannot be right, and its parts run on a CPU with small sizes."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands import ROOT, run_command, run_python
from tests.forks import warm_python, warm_workers
from tests.training.data.sources import image_tree
from torchferry.benchmarks.gpu import devices, gpu_command
from torchferry.benchmarks.gpu.part import Outcome, Part
from torchferry.benchmarks.gpu.setting import Setting
from torchferry.errors import ServerFault, UserError

SMALL = ("--device", "cpu", "--small")


def test_without_a_gpu_there_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    done = run_python("-m", "benchmarks", "gpu", "--scratch", tmp_path / "runs", CUDA_VISIBLE_DEVICES="")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("torchferry: no GPU: torch ")
    assert line.endswith(" finds none here; --device cpu --small tries the parts on the CPU")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--device", "cpu"],
            "--device: cpu would take hours; add --small, which tries the parts ",
        ),
        (["--parts", "nccl,moods"], "argument --parts: there is no part 'moods'; choose of nccl, resnet50, cifar10, "),
        (["--cifar", "missing"], "--cifar: missing does not exist"),
        (["--accuracy", "80"], "--accuracy: 80.0 is not between 0 and 1; give a share such as 0.8"),
        (["--accuracy", "nan"], "argument --accuracy: nan is not a finite number"),
        (["--minutes", "0"], "--minutes: 0.0 is too small; give 1 or more"),
        (["--rounds", "0"], "--rounds: 0 is too small; give 1 or more"),
        (["--output", "missing/gpu.json"], "--output: missing is not a folder; make it first"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as refused:
        gpu_command.main(words)
    assert str(refused.value).startswith(said)
    assert list(tmp_path.iterdir()) == []


def good(_: Setting, outcome: Outcome) -> None:
    outcome.add("images", "10 images/s", value=10.0)


def bad(_: Setting, __: Outcome) -> None:
    raise ServerFault("no luck")


def interrupted(_: Setting, __: Outcome) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Parts of which one fails, on a GPU that is not there; the words of a command that runs them."""
    monkeypatch.setattr(devices, "found", lambda: devices.Devices(kind="cuda", names=("card",), torch="2", cuda="13"))
    monkeypatch.setattr(gpu_command, "PARTS", (Part("bad", 60, bad), Part("good", 60, good)))
    monkeypatch.setenv("PYTHONPATH", "")
    return ["--parts", "bad,good", "--scratch", str(tmp_path / "runs"), "--output", str(tmp_path / "gpu.json")]


def test_a_part_that_fails_takes_no_other_along(
    planted: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ServerFault, match=r"^failed: bad; the table says how$"):
        gpu_command.main(planted)
    shown = capsys.readouterr().out
    assert "| bad | FAILED | ServerFault: no luck |" in shown
    assert "| images | 10 images/s |  |" in shown
    content = json.loads((tmp_path / "gpu.json").read_text())
    assert content["figures"] == {"images": {"better": "higher", "values": [10.0]}}
    assert content["results"]["gpu_figures"] is True
    assert list((tmp_path / "runs").iterdir()) == []


def test_after_ctrl_c_the_finished_parts_count(
    planted: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu_command, "PARTS", (Part("good", 60, good), Part("bad", 60, interrupted)))
    with pytest.raises(SystemExit) as end:
        gpu_command.main(planted)
    assert end.value.code == 130
    shown = capsys.readouterr().out
    assert "| images | 10 images/s |  |" in shown
    assert "Left out: bad: interrupted." in shown


def found(output: Path) -> dict[str, dict[str, str]]:
    """Of each part its lines and their results; none has failed."""
    results: dict[str, Any] = json.loads(output.read_text())["results"]
    assert (results["gpu_figures"], results["small"]) == (False, True)
    assert not any(part["failed"] for part in results["parts"])
    return {part["part"]: {line["what"]: line["result"] for line in part["lines"]} for part in results["parts"]}


@pytest.mark.torchrun
def test_the_parts_run_on_a_cpu_with_small_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All but the one that looks at torchrun's own processes, which are forks here."""
    for name, value in {**warm_workers(), "CUDA_VISIBLE_DEVICES": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "executable", warm_python())
    monkeypatch.chdir(ROOT)
    images, output = image_tree(tmp_path / "images", tuple("abcdefghij"), each=3), tmp_path / "gpu.json"
    where = ["--cifar", str(images), "--scratch", str(tmp_path / "runs"), "--output", str(output)]
    gpu_command.main([*SMALL, *where, "--parts", "nccl,resnet50,cifar10,resnet18,modes"])
    assert capsys.readouterr().out.startswith("NOT FIGURES OF A GPU")
    parts = found(output)
    assert parts["nccl"] == {"all-reduce of 0 MiB over 1": "right"}
    assert list(parts["resnet18"]) == ["a tiny network, our trainer", "a tiny network, bare loop"]
    assert len(parts["modes"]) == 1
    assert next(iter(parts["cifar10"])) == "CIFAR-10's JPEG copies, accuracy"
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.torchrun
def test_a_killed_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    options = ("--parts", "kill", "--scratch", tmp_path / "runs", "--output", tmp_path / "gpu.json")
    done = run_command("-m", "torchferry", "bench", "gpu", *SMALL, *options, **warm_workers())
    assert done.returncode == 0, done.stdout + done.stderr
    assert found(tmp_path / "gpu.json")["kill"]["weights after it, and of a run left alone"] == "equal byte for byte"
