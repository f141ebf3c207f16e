"""The process that holds the lock of a run, and whether it lives, as far as that can be told from here."""

import json
import os
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Holder:
    host: str
    pid: int
    machine: str
    """The boot of the machine and the namespace of process numbers, where `pid` means this process; may be unknown."""
    started: str
    """When the process began, in ticks of that boot: a number may be given again."""
    launch: str
    """The same for all restarts of a job."""
    since: str
    token: str

    @property
    def in_words(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since} (launch {self.launch})"

    def is_here(self, other: "Holder") -> bool:
        return self.machine != "" and self.machine == other.machine

    def lives(self) -> bool:
        """Asked where the process would be, by its number."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # somebody else's
            pass
        state, started = _stat(self.pid)
        # A process that was killed, and whose parent has not asked for its exit code, is dead as well.
        return state not in ("Z", "X") and started in ("", self.started)

    def to_json(self, count: int) -> bytes:
        """`count` makes the content another each time, so that who reads it twice sees that its writer lives."""
        return json.dumps(asdict(self) | {"count": count}, indent=2).encode() + b"\n"


def read_holder(content: bytes) -> Holder | None:
    """None for what cannot have been written by `to_json`."""
    with suppress(ValueError, TypeError, LookupError, AttributeError):
        values: dict[str, Any] = json.loads(content)
        values.pop("count")
        holder = Holder(**values)
        if isinstance(holder.pid, int) and holder.pid > 0:
            return holder
    return None


def me() -> dict[str, Any]:
    """What of a Holder says which process this is."""
    machine = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        machine = f"{boot} {os.readlink('/proc/self/ns/pid')}"
    return {"host": socket.gethostname(), "pid": os.getpid(), "machine": machine, "started": _stat(os.getpid())[1]}


def _stat(pid: int) -> tuple[str, str]:
    """The state of a process and when it began; empty where that cannot be read."""
    try:
        # The name before them, in brackets, may hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return "", ""
