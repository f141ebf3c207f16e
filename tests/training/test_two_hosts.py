"""Two hosts, made of network namespaces: one falls silent in mid-run, and the other finishes alone."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from tests.commands import RECIPES, ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.torchrun

EPOCHS, STEPS, BATCH = 6, 22, 64
# Gloo gives up on a silent peer after `timeout_seconds`; by then the rendezvous has dropped it, after 1 s times 5.
# Joining alone takes `last_call_timeout`.
TIMEOUT_SECONDS = 15
RENDEZVOUS = "last_call_timeout=3,keep_alive_interval=1,keep_alive_max_attempt=5"

Row = dict[str, Any]


@dataclass
class Host:
    """A network namespace whose only way out is a cable called `wire`."""

    name: str
    address: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def torchrun(self, meeting_point: str, log: Path, *arguments: object) -> subprocess.Popen[bytes]:
        """Start a torchrun that takes part with one or two hosts."""
        launcher = ["-m", "torch.distributed.run", "--nnodes", "1:2", "--nproc-per-node", "1", "--max-restarts", "3"]
        # Told apart by hand, because the machine's own name does not lead to these addresses.
        hosting = f"is_host={int(self.address == meeting_point)}"
        launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{meeting_point}:29400", "--rdzv-id", "two-hosts"]
        launcher += ["--rdzv-conf", f"{hosting},{RENDEZVOUS}", "--local-addr", self.address]
        command = [
            "ip",
            "netns",
            "exec",
            self.name,
            sys.executable,
            *launcher,
            "-m",
            "torchferry.training",
            *map(str, arguments),
        ]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "wire"}
        # As in the Job of k8s/base/training: without it a host that joins late is never told where the others are.
        environment["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
        with log.open("wb") as file:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
        self.processes.append(process)
        return process

    def fall_silent(self) -> None:
        """Whatever is sent to this host is lost, and nothing it sends arrives: no RST, no FIN."""
        ip("-n", self.name, "link", "set", "wire", "down")

    def remove(self) -> None:
        for pid in ip("netns", "pids", self.name).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        for process in self.processes:
            process.wait()
        ip("netns", "delete", self.name)


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Joined by a cable, each with an address of its own on it."""
    with ExitStack() as stack:
        hosts = []
        for letter, address in (("a", "10.213.7.1"), ("b", "10.213.7.2")):
            host = Host(f"torchferry-{os.getpid()}-{letter}", address)
            ip("netns", "add", host.name)
            stack.callback(host.remove)
            hosts.append(host)
        a, b = hosts
        ip("link", "add", "wire", "netns", a.name, "type", "veth", "peer", "name", "wire", "netns", b.name)
        for host in hosts:
            ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "wire")
            for link in ("lo", "wire"):
                ip("-n", host.name, "link", "set", link, "up")
        yield a, b


@pytest.mark.skipif(shutil.which("ip") is None, reason="iproute2 is missing; it makes the hosts")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make network namespaces")
def test_the_other_host_finishes_alone_when_one_falls_silent(tmp_path: Path) -> None:
    run, log = tmp_path / "digits", tmp_path / "a.log"
    arguments = ["--config", RECIPES / "digits.yaml", "--runs_dir", tmp_path, "--epochs", EPOCHS]
    arguments += ["--checkpoint.every_steps", 5, "--checkpoint.keep", 100]
    arguments += ["--metrics.port", 0, "--metrics.sample_log", "true", "--distributed.timeout_seconds", TIMEOUT_SECONDS]
    with two_hosts() as (a, b):
        b.torchrun(a.address, tmp_path / "b.log", *arguments)
        survivor = a.torchrun(a.address, log, *arguments)

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
