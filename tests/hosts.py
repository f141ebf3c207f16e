"""Two hosts on one machine, made of network namespaces with a cable between them."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.forks import ROOT

CABLE = "wire"
needs_hosts = pytest.mark.skipif(
    shutil.which("ip") is None or os.geteuid() != 0, reason="only root, with iproute2, may make network namespaces"
)


@dataclass
class Host:
    """A network namespace whose only way out is the cable."""

    name: str
    address: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def command(self, words: Sequence[object]) -> list[str]:
        """What runs them here."""
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def start(
        self, words: Sequence[object], log: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        given = os.environ | (environment or {})
        with log.open("wb") as file:
            process = subprocess.Popen(self.command(words), cwd=ROOT, env=given, stdout=file, stderr=subprocess.STDOUT)
        self.processes.append(process)
        return process

    def fall_silent(self) -> None:
        """Whatever is sent to this host is lost, and nothing it sends arrives: no RST, no FIN."""
        ip("-n", self.name, "link", "set", CABLE, "down")

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
def two_hosts(*addresses: str) -> Iterator[tuple[Host, Host]]:
    """Joined by a cable, each with an address of its own on it, of one /24; hosts with addresses of IPv6 have no
    other, not even for themselves."""
    with ExitStack() as stack:
        hosts = []
        for letter, address in zip("ab", addresses, strict=True):
            host = Host(f"torchferry-{os.getpid()}-{letter}", address)
            ip("netns", "add", host.name)
            stack.callback(host.remove)
            hosts.append(host)
        a, b = hosts
        ip("link", "add", CABLE, "netns", a.name, "type", "veth", "peer", "name", CABLE, "netns", b.name)
        for host in hosts:
            is_ipv6 = ":" in host.address
            # Without the search for duplicates, in which an address cannot be used.
            own = [f"{host.address}/64", "dev", CABLE, "nodad"] if is_ipv6 else [f"{host.address}/24", "dev", CABLE]
            ip("-n", host.name, "address", "add", *own)
            for link in ("lo", CABLE):
                ip("-n", host.name, "link", "set", link, "up")
            if is_ipv6:
                ip("-n", host.name, "address", "delete", "127.0.0.1/8", "dev", "lo")
        yield a, b
