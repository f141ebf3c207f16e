"""SIGKILL and resume: weights that differ fail the part, and a run that ends too early is no proof.

That they are equal after a real kill is in test_gpu_command.py.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.gpu.given import setting
from torchferry.benchmarks.gpu import kill
from torchferry.benchmarks.gpu.part import Outcome
from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.torchrun import Launch
from torchferry.benchmarks.training.workload import Workload
from torchferry.errors import ServerFault
from torchferry.training.config.cli import parse


def trained(monkeypatch: pytest.MonkeyPatch, **weights: bytes) -> list[Path]:
    """Runs that leave these weights, and the folders of their recipes."""
    folders = []

    def train(_: Workload, folder: Path, meanwhile: Any) -> None:
        folders.append(folder)
        recipe = parse(["--config", str(folder / "recipe.yaml")])
        assert recipe.deterministic
        assert (recipe.checkpoint.every_steps, recipe.max_steps) == (240, 720)
        model = folder / "run" / "model"
        model.mkdir(parents=True)
        (model / "weights.safetensors").write_bytes(weights[folder.name])
        meanwhile(None)

    monkeypatch.setattr(kill, "_train", train)
    monkeypatch.setattr(kill, "_kill", lambda *_: 2.5)
    return folders


def test_equal_weights_are_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders, outcome = trained(monkeypatch, whole=b"1", killed=b"1"), Outcome("kill")
    kill.run(setting(tmp_path, "NVIDIA H200"), outcome)
    assert [folder.name for folder in folders] == ["whole", "killed"]
    assert [line.result for line in outcome.lines] == ["2.5 s", "equal byte for byte"]


def test_weights_that_differ_fail_the_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(monkeypatch, whole=b"1", killed=b"2")
    outcome = Outcome("kill")
    with pytest.raises(ServerFault, match="weights are not those of the run that was left alone"):
        kill.run(setting(tmp_path, "NVIDIA H200"), outcome)
    assert outcome.lines[1].result == "differ"


def test_a_run_that_ends_before_it_is_killed_is_no_proof(tmp_path: Path) -> None:
    class Ended:
        returncode = 0

        def poll(self) -> int:
            return 0

    (tmp_path / "log").write_text("done")
    launch = Launch("ours", Ended(), tmp_path / "log")
    with pytest.raises(ServerFault, match=r"^ours ended with exit code 0 before a worker was killed"):
        kill._kill(launch, tmp_path)
    assert ours.train_rows(ours.metrics(tmp_path)) == []
