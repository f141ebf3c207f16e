"""Memory, open files and threads of all processes of a server."""

from collections.abc import Sequence
from dataclasses import dataclass

from torchferry.benchmarks.servers.process import Process

MEGABYTE = 1e6


@dataclass(frozen=True, kw_only=True)
class Vitals:
    memory_mb: float
    """Resident, as each process says it."""
    files: int
    threads: int

    @classmethod
    def of(cls, process: Process) -> "Vitals":
        return cls(memory_mb=process.resident_bytes() / MEGABYTE, files=process.open_files(), threads=process.threads())


def told(seen: Sequence[Vitals], after: Vitals) -> str:
    """For a terminal: at the first look, the most, and when the attack had gone."""
    named = {"memory MB": "memory_mb", "open files": "files", "threads": "threads"}
    columns = {name: [getattr(one, key) for one in (*seen, after)] for name, key in named.items()}
    lines = [
        f"{name:12} {values[0]:,.0f} before, {max(values):,.0f} at most, {values[-1]:,.0f} after"
        for name, values in columns.items()
    ]
    return "\n".join(lines)
