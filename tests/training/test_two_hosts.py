"""Two hosts, made of network namespaces: one falls silent in mid-run, and the other finishes alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from tests.commands import RECIPES
from tests.hosts import CABLE, Host, needs_hosts, two_hosts
from tests.waiting import wait_until

pytestmark = pytest.mark.torchrun

EPOCHS, STEPS, BATCH = 6, 22, 64
# Gloo gives up on a silent peer after `timeout_seconds`; by then the rendezvous has dropped it, after 1 s times 5.
# Joining alone takes `last_call_timeout`.
TIMEOUT_SECONDS = 15
RENDEZVOUS = "last_call_timeout=3,keep_alive_interval=1,keep_alive_max_attempt=5"

Row = dict[str, Any]


def torchrun(host: Host, meeting_point: str, log: Path, *arguments: object) -> "subprocess.Popen[bytes]":
    """Start a torchrun there that takes part with one or two hosts."""
    launcher = ["-m", "torch.distributed.run", "--nnodes", "1:2", "--nproc-per-node", "1", "--max-restarts", "3"]
    # Told apart by hand, because the machine's own name does not lead to these addresses.
    hosting = f"is_host={int(host.address == meeting_point)}"
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{meeting_point}:29400", "--rdzv-id", "two-hosts"]
    launcher += ["--rdzv-conf", f"{hosting},{RENDEZVOUS}", "--local-addr", host.address]
    environment = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": CABLE}
    # As in the Job of k8s/base/training: without it a host that joins late is never told where the others are.
    environment["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    return host.start([sys.executable, *launcher, "-m", "torchferry.training", *arguments], log, environment)


@needs_hosts
def test_the_other_host_finishes_alone_when_one_falls_silent(tmp_path: Path) -> None:
    run, log = tmp_path / "digits", tmp_path / "a.log"
    arguments = ["--config", RECIPES / "digits.yaml", "--runs_dir", tmp_path, "--epochs", EPOCHS]
    arguments += ["--checkpoint.every_steps", 5, "--checkpoint.keep", 100]
    arguments += ["--metrics.port", 0, "--metrics.sample_log", "true", "--distributed.timeout_seconds", TIMEOUT_SECONDS]
    with two_hosts("10.213.7.1", "10.213.7.2") as (a, b):
        torchrun(b, a.address, tmp_path / "b.log", *arguments)
        survivor = torchrun(a, a.address, log, *arguments)

        def two_have_saved() -> bool:
            assert survivor.poll() is None, log.read_text()
            return any(
                json.loads(state.read_text())["world_size"] == 2 for state in run.glob("checkpoints/step-*/state.json")
            )

        wait_until(two_have_saved, 180)
        b.fall_silent()
        wait_until(lambda: survivor.poll() is not None, 180)
        assert survivor.returncode == 0, log.read_text()

    together, alone = rows(run / "attempts.jsonl")[-2:]
    assert (together["world_size"], alone["world_size"]) == (2, 1)
    assert 0 < alone["from_step"] < EPOCHS * STEPS
    assert load_file(run / "model" / "weights.safetensors")
    assert (run / "model" / "model.yaml").is_file()
    assert_every_step_was_taken_once(run, alone["from_step"])


def rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_every_step_was_taken_once(run: Path, alone_from: int) -> None:
    mine, lost = samples(run, 0), samples(run, 1)
    assert list(mine) == list(range(1, EPOCHS * STEPS + 1))
    # What the lost host did after that checkpoint is part of no result.
    steps = [indices + (lost[step] if step <= alone_from else []) for step, indices in mine.items()]
    for epoch in range(EPOCHS):
        seen = [index for step in steps[epoch * STEPS : (epoch + 1) * STEPS] for index in step]
        assert len(seen) == len(set(seen)) == STEPS * BATCH


def samples(run: Path, rank: int) -> dict[int, list[int]]:
    """The samples of each step that this rank took."""
    lines = (run / f"samples-{rank}.csv").read_text().splitlines()
    numbers = [[int(number) for number in line.split(",")] for line in lines]
    assert len({step for step, *_ in numbers}) == len(numbers)
    return {step: indices for step, *indices in numbers}
