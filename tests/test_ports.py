"""The allocator of ports gives none twice, here or to another suite."""

import subprocess
import sys

from tests.commands import ROOT
from tests.ports import PORTS, free_port
from torchferry.serving.net.ports import is_free

ANOTHER = "from tests.ports import free_port; print(*(free_port() for _ in range(50)), flush=True); input()"


def test_another_process_is_given_other_ports() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ANOTHER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as another:
        assert another.stdout is not None
        theirs = {int(word) for word in another.stdout.readline().split()}
        ours = {free_port() for _ in range(200)}
        another.communicate("\n")
    assert len(theirs) == 50
    assert len(ours) == 200
    assert not ours & theirs
    assert all(port in PORTS and is_free("127.0.0.1", port) for port in ours)


def test_they_are_none_of_those_that_the_kernel_gives_to_whoever_asks() -> None:
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first, _ = map(int, file.read().split())
    assert max(PORTS) < first
