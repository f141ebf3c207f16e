"""The benchmarks of training, each run once over a few steps: what they give, not how fast it is."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.commands import ROOT, run_command
from tests.forks import warm_workers
from tests.waiting import wait_until
from torchferry.benchmarks.rounds import alternate

FEW_STEPS = ("--rounds", 1, "--warmup", 1, "--steps", 2, "--log-every", 1, "--threads", 1)


def measure(verb: str, folder: Path, *options: object) -> Any:
    """The results in the JSON of one run of a benchmark."""
    output = folder / "result.json"
    done = run_command(
        "-m",
        "torchferry",
        "bench",
        verb,
        "--scratch",
        folder / "scratch",
        "--output",
        output,
        *options,
        **warm_workers(),
    )
    assert done.returncode == 0, done.stderr
    assert list((folder / "scratch").iterdir()) == []
    content = json.loads(output.read_text())
    assert content["benchmark"] == verb
    assert {"processor", "cores", "gpus", "versions"} <= content["machine"].keys()
    return content["results"]


@pytest.mark.torchrun
def test_four_trainers_begin_with_the_same_network_and_data(tmp_path: Path) -> None:
    for library in ("lightning_fabric", "accelerate"):
        pytest.importorskip(library)
    # One batch holds all the data, so the order, which is each trainer's own, does not matter.
    options = ("--models", "resnet18", "--processes", 1, "--samples", 16, "--batch-size", 16, "--malloc", "own")
    results = measure("training", tmp_path, *options, *FEW_STEPS)
    assert [result["trainer"] for result in results] == ["ours", "bare", "fabric", "accelerate"]
    for result in results:
        assert result["samples_per_second"] == result["rounds"][0] > 0
        assert result["to_bare"]["low"] <= result["to_bare"]["median"] <= result["to_bare"]["high"]
        assert result["first_loss"] == pytest.approx(results[1]["first_loss"], rel=1e-4)


@pytest.mark.torchrun
def test_all_trainers_can_keep_freed_memory_as_ours_does(tmp_path: Path) -> None:
    options = ("--models", "digits", "--processes", 1, "--trainers", "bare")
    results = measure("training", tmp_path, *options, *FEW_STEPS)
    assert [result["workload"]["malloc"] for result in results] == ["own", "kept"]


@pytest.mark.torchrun
def test_scaling_compares_with_one_process(tmp_path: Path) -> None:
    options = ("--models", "digits", "--processes", "1,2", "--trainers", "bare")
    one, two = measure("scaling", tmp_path, *options, *FEW_STEPS)
    assert (one["processes"], two["processes"]) == (1, 2)
    assert one["efficiency"]["median"] == 1
    assert two["efficiency"]["median"] == pytest.approx(two["rounds"][0] / (2 * one["rounds"][0]))


@pytest.mark.torchrun
def test_checkpoint_measures_saving_and_recovery(tmp_path: Path) -> None:
    options = ("--models", "digits", "--processes", 2, "--every-steps", 4, *FEW_STEPS, "--steps", 8)
    results = measure("checkpoint", tmp_path, *options)
    assert [saving["saves"] for saving in results["saving"]] == ["none", "asynchronous", "synchronous"]
    assert all(saving["samples_per_second"] > 0 for saving in results["saving"])
    (recovery,) = results["recovery"]
    assert recovery["ours_seconds"] > 0
    assert recovery["torchrun_seconds"] > 0
    assert recovery["steps_repeated"] >= 0


@pytest.mark.torchrun
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_leaves_no_process_and_no_folder(tmp_path: Path, number: int, code: int) -> None:
    options = ("--models", "digits", "--processes", "1", "--trainers", "bare", "--steps", "1000000")
    command = [sys.executable, "-m", "torchferry", "bench", "training", *options, "--scratch", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as benchmark:
        children = psutil.Process(benchmark.pid).children
        wait_until(lambda: len(children(recursive=True)) >= 2)
        family = children(recursive=True)
        try:
            benchmark.send_signal(number)
            assert benchmark.wait(60) == code
        finally:
            benchmark.kill()
    assert not any(process.is_running() for process in family)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.torchrun
def test_a_trainer_that_fails_is_shown(tmp_path: Path) -> None:
    options = ("--models", "resnet18", "--processes", 1, "--trainers", "bare", "--samples", 1, "--batch-size", 1)
    done = run_command("-m", "torchferry", "bench", "training", *options, *FEW_STEPS, "--scratch", tmp_path)
    assert done.returncode == 1
    assert "more than 1 value per channel" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("torchferry: bare ended with exit code 1")


@pytest.mark.parametrize(
    ("verb", "options", "words"),
    [
        ("training", ("--models", "nobody"), "no model 'nobody'"),
        ("scaling", ("--warmup", "0"), "--warmup: 0 is too small"),
        ("checkpoint", ("--warmup", "0"), "--warmup: 0 is too small"),
    ],
)
def test_bad_input_is_refused_in_one_line(tmp_path: Path, verb: str, options: tuple[str, ...], words: str) -> None:
    done = run_command("-m", "torchferry", "bench", verb, "--scratch", tmp_path / "scratch", *options)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_round_counts_although_its_folder_is_still_written_to(tmp_path: Path) -> None:
    """As a server's processes may that outlive it for a moment."""
    writers: list[subprocess.Popen[bytes]] = []

    def measure(folder: Path) -> dict[str, float]:
        write = 'while [ -d "$0" ]; do : > "$0/$((number += 1))"; done'
        writers.append(subprocess.Popen(["sh", "-c", write, str(folder)], stderr=subprocess.DEVNULL))
        wait_until((folder / "1000").exists)
        return {"rate": 1.0}

    try:
        found = alternate({"a": measure}, 3, title="test", scratch=tmp_path)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert found.of == {"a": [{"rate": 1.0}] * 3}
