"""A real run: what its folder holds, and what it told while it ran."""

import contextlib
import csv
import json
import os
import pty
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from PIL import Image
from safetensors.numpy import load_file

from tests.commands import RECIPES, ROOT, run_command, torchrun
from tests.forks import warm_python
from tests.waiting import wait_until


def lines(run: Path, kind: str) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if row["kind"] == kind]


def test_it_learns(run: Path) -> None:
    last = lines(run, "test")[-1]
    assert last["accuracy"] >= 0.98
    card = yaml.safe_load((run / "model" / "model.yaml").read_text())
    names = ("loss", "accuracy", "macro_f1", "auroc", "calibration_error")
    assert card["result"] == {name: last[name] for name in names}


def test_it_says_in_plain_lines_what_it_does(run: Path) -> None:
    output = (run / "stdout.txt").read_text()
    assert "digits: 1 x cpu, 1437 training and 360 test samples" in output
    assert "\x1b" not in output
    epochs = yaml.safe_load((run / "config.yaml").read_text())["epochs"]
    assert output.count("test accuracy") == epochs + 1


@pytest.mark.torchrun
def test_two_ranks_learn_as_much(tmp_path: Path) -> None:
    done = torchrun(2, "--config", RECIPES / "digits.yaml", "--runs_dir", tmp_path, "--metrics.port", 0)
    assert done.returncode == 0, done.stderr
    assert "digits: 2 x cpu, 1437 training and 360 test samples" in done.stdout
    assert done.stdout.count("test accuracy") == 15 + 1
    assert lines(tmp_path / "digits", "test")[-1]["accuracy"] >= 0.98


def test_the_folder_holds_what_it_should(run: Path) -> None:
    assert load_file(run / "model" / "weights.safetensors")
    for picture in ("curves.png", "confusion.png", "predictions.png"):
        with Image.open(run / picture) as image:
            assert min(image.size) > 300
    with (run / "confusion.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["true", *map(str, range(10))]
    assert sum(int(row[i]) for i, row in enumerate(rows, 1)) / 360 == lines(run, "test")[-1]["accuracy"]
    checkpoints = run / "checkpoints"
    (last,) = checkpoints.glob("step-*")
    assert (checkpoints / "latest").read_text().strip() == last.name == "step-00000330"
    assert (last / "checksums.json").is_file()
    assert not list(checkpoints.glob(".*"))
    assert list(run.glob("events.out.tfevents.*"))


@pytest.mark.slow
def test_a_terminal_gets_a_progress_bar(tmp_path: Path) -> None:
    ours, its = pty.openpty()
    options = ("--runs_dir", str(tmp_path), "--metrics.port", "null", "--epochs", "1")
    command = [sys.executable, "-m", "torchferry.training", "--config", str(RECIPES / "digits.yaml"), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=its, env=os.environ | {"TERM": "xterm"}) as training:
        os.close(its)
        output = b""
        with contextlib.suppress(OSError):  # raised at the end, when nobody has the other side open
            while chunk := os.read(ours, 4096):
                output += chunk
    os.close(ours)
    assert training.returncode == 0
    assert b"\x1b[" in output
    assert b"22/22" in output


def test_a_finished_run_says_so_and_stays_as_it_is(run: Path) -> None:
    before = (run / "metrics.jsonl").read_bytes()
    done = run_command("-m", "torchferry.training", "--config", run / "config.yaml")
    assert done.returncode == 0, done.stderr
    assert "digits: is finished, at step 330" in done.stdout
    assert (run / "metrics.jsonl").read_bytes() == before


@pytest.mark.slow
def test_a_metrics_port_in_use_ends_no_run(tmp_path: Path, free_port_in_use: int) -> None:
    options = ("--runs_dir", tmp_path, "--metrics.port", free_port_in_use, "--max_steps", 2)
    done = run_command("-m", "torchferry.training", "--config", RECIPES / "digits.yaml", *options)
    assert done.returncode == 0, done.stderr
    (moved,) = re.findall(
        f"metrics.port: cannot listen on 127.0.0.1:{free_port_in_use} .*; metrics are on port ([0-9]+)", done.stderr
    )
    assert f"metrics on http://127.0.0.1:{moved}/metrics" in done.stdout


def test_a_metrics_host_that_is_none_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    options = ("--runs_dir", tmp_path, "--metrics.host", "192.0.2.1")
    done = run_command("-m", "torchferry.training", "--config", RECIPES / "digits.yaml", *options)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "metrics.host: cannot listen on 192.0.2.1" in done.stderr
    assert not list(tmp_path.iterdir())


@contextlib.contextmanager
def lingering(runs: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A run of three steps that has left its results and waits for a scrape, and its endpoint."""
    options = ("--metrics.port", "0", "--metrics.linger_seconds", "600", "--max_steps", "3", "--runs_dir", str(runs))
    command = [warm_python(), "-m", "torchferry.training", "--config", str(RECIPES / "digits.yaml"), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as training:
        try:
            assert training.stdout is not None
            said = next(line for line in training.stdout if "metrics stay on" in line)
            assert (runs / "digits/model/model.yaml").exists()
            yield training, said.split("stay on ")[1].split()[0]
        finally:
            training.kill()


@pytest.mark.slow
def test_the_last_values_of_a_short_run_are_scraped_which_ends_it(tmp_path: Path) -> None:
    with lingering(tmp_path) as (training, url):
        page = urllib.request.urlopen(url, timeout=30).read().decode()
        assert training.wait(60) == 0
    assert "torchferry_train_steps_total 3.0\n" in page
    assert re.search(r"^torchferry_train_eval_accuracy_ratio 0\.[0-9]", page, re.MULTILINE)


@pytest.mark.slow
def test_a_signal_ends_the_wait_for_a_scrape_and_the_run_is_finished(tmp_path: Path) -> None:
    with lingering(tmp_path) as (training, _):
        training.terminate()
        assert training.wait(60) == 0


@pytest.mark.slow
def test_prometheus_reads_a_run_while_it_trains(tmp_path: Path) -> None:
    options = ["--runs_dir", str(tmp_path), "--metrics.port", "0", "--epochs", "1000"]
    command = [sys.executable, "-m", "torchferry.training", "--config", str(RECIPES / "digits.yaml"), *options]
    before = time.time()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as training:
        try:
            assert training.stdout is not None
            url = training.stdout.readline().split("metrics on ")[1].strip()
            metrics: dict[str, float] = {}

            def two_epochs_done() -> bool:
                text = urllib.request.urlopen(url, timeout=5).read().decode()
                pairs = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
                metrics.update({name: float(value) for name, _, value in pairs})
                return metrics["torchferry_train_epoch"] >= 2

            wait_until(two_epochs_done)
        finally:
            training.kill()
    assert metrics["torchferry_train_steps_total"] >= 22
    assert metrics["torchferry_train_samples_total"] == 64 * metrics["torchferry_train_steps_total"]
    assert metrics["torchferry_train_step_duration_seconds_count"] == metrics["torchferry_train_steps_total"]
    assert metrics["torchferry_train_world_size"] == 1
    assert 0 < metrics["torchferry_train_eval_accuracy_ratio"] <= 1
    assert metrics["torchferry_train_checkpoint_last_success_timestamp_seconds"] > 0
    assert metrics["torchferry_train_gradient_norm"] > 0
    started, stepped = (metrics[f"torchferry_train_{name}_timestamp_seconds"] for name in ("start", "last_step"))
    assert before < started < stepped < time.time()
    assert metrics["torchferry_train_restarts_total"] == 0
    assert metrics['torchferry_train_rank_step_seconds{rank="0"}'] > 0
    assert metrics['torchferry_train_rank_forward_seconds{rank="0"}'] > 0
    assert 0 <= metrics['torchferry_train_rank_data_wait_ratio{rank="0"}'] <= 1
    assert metrics['torchferry_train_run_info{name="digits"}'] == 1


@pytest.mark.slow
def test_the_same_recipe_gives_the_same_weights(tmp_path: Path) -> None:
    weights = []
    for name in ("first", "second"):
        options = ("--runs_dir", tmp_path, "--name", name, "--epochs", 1, "--metrics.port", 0)
        assert run_command("-m", "torchferry.training", "--config", RECIPES / "digits.yaml", *options).returncode == 0
        weights.append((tmp_path / name / "model" / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_a_torchvision_model_goes_by_its_import_path() -> None:
    from torchferry.training.config.instantiate import Component
    from torchferry.training.data.source import ImageInput
    from torchferry.training.models.saved import build_model

    image = ImageInput(mode="RGB", height=32, width=32, mean=(0.5,) * 3, std=(0.5,) * 3)
    model = build_model(Component(name="torchvision.models.resnet18", args={"num_classes": 4}), image)
    assert type(model.network).__name__ == "ResNet"
