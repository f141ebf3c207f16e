"""The commands of the README, in its order, as somebody types them: a server stays up while the next ones ask it.

They use the ports that the README names, so they run in a network namespace of their own.
"""

import os
import re
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.pipeline.checkout import copy_checkout
from tests.running import starts
from tests.waiting import wait_until

pytestmark = [pytest.mark.server, pytest.mark.torchrun]

NOT_RUN = {
    "docker compose": "tests/docker/test_compose_up.py runs it with the images",
    "curl -T docker/compose": "the same",
    "torchferry bench slo": "takes minutes; tests/benchmarks has it",
    "torchferry bench tune": "takes minutes; tests/benchmarks/tune has it",
}
SERVER = "torchferry up"


def commands() -> list[tuple[str, list[str]]]:
    """Each command that stands behind a prompt, and the lines below it."""
    found: list[tuple[str, list[str]]] = []
    for line in (ROOT / "README.md").read_text().splitlines():
        if line.startswith("    $ "):
            found.append((line.removeprefix("    $ ").partition("  #")[0].strip(), []))
        elif line.startswith("    ") and found:
            found[-1][1].append(line.removeprefix("    "))
        elif line.strip() and found:
            found.append(("", []))  # what is indented after a sentence belongs to no command
    return [(command, shown) for command, shown in found if command]


def pattern(shown: str) -> str:
    """Matches the line with other numbers, spaces and temporary names; what three dots stand for may follow.

    Which variant is the fastest, and so the one that is served, is a matter of microseconds.
    """
    head = re.sub(r"\(onnx-\w+\)", "", shown.partition("...")[0])
    words = [re.escape(word) for word in re.split(r"[\d.,e+-]*\d[\d.,e+-]*|\s+|/tmp/\S+", head) if word]
    return r"[\d.,e+\s-]*(?:/tmp/\S+|\(onnx-\w+\))?".join(words)


class Terminals:
    """Two of them: a server has the first one until another takes its place."""

    def __init__(self, folder: Path, namespace: str) -> None:
        self.folder, self.prefix = folder, ["ip", "netns", "exec", namespace]
        self.log = folder / "server.log"
        self.server: subprocess.Popen[bytes] | None = None
        path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
        self.environment |= {"PATH": path, "COLUMNS": "120"}

    def run(self, command: str) -> tuple[int, str]:
        starts("torchrun", command.split())
        done = subprocess.run(
            [*self.prefix, "bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout

    def serve(self, command: str, last: str) -> str:
        """What it says up to a line like the `last` one that the README shows."""
        self.stop()
        starts("server", command.split())
        with self.log.open("wb") as log:
            words = [*self.prefix, *command.split()]
            server = subprocess.Popen(words, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        self.server, ready = server, re.compile(pattern(last))
        wait_until(lambda: bool(ready.search(self.log.read_text())) or server.poll() is not None, 180)
        assert server.poll() is None, self.log.read_text()
        return self.log.read_text()

    def stop(self) -> None:
        """Ctrl-C."""
        if self.server is not None:
            self.server.send_signal(signal.SIGINT)
            self.server.wait(90)
        self.server = None


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    folder = copy_checkout(tmp_path / "torchferry")
    namespace = f"readme-{uuid.uuid4().hex[:8]}"
    made = subprocess.run(["ip", "netns", "add", namespace], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no network namespace can be made: {made.stderr.strip()}")
    subprocess.run(["ip", "netns", "exec", namespace, "ip", "link", "set", "lo", "up"], check=True)
    found = Terminals(folder, namespace)
    try:
        yield found
    finally:
        found.stop()
        subprocess.run(["ip", "netns", "del", namespace], check=True)


def test_the_commands_work_in_the_order_of_the_readme(terminals: Terminals) -> None:
    listed = commands()
    assert len(listed) > 12
    for command, shown in listed:
        if command.startswith(tuple(NOT_RUN)):
            continue
        if command.startswith(SERVER):
            said = terminals.serve(command, shown[-1])
        else:
            code, said = terminals.run(command)
            if "is void: the generator" in said:  # on a machine that does other things as well
                continue
            assert code == (2 if "onnx-int9" in command else 0), f"{command}\n{said}"
        for line in shown:
            assert re.search(pattern(line), said), f"{command}\n{line!r} is not in\n{said}"


def test_what_is_not_run_is_still_there() -> None:
    for start in NOT_RUN:
        assert [command for command, _ in commands() if command.startswith(start)], start
