"""Bounds the samples that are computed together, where a network needs very much memory for each."""

import math
from pathlib import Path

from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import BATCH
from torchferry.serving.export.sizes import largest, resized

SHARE = 4
"""At most this part of the memory that is free: a variant is measured beside the reference, and sessions keep what
their largest batch took."""
PROCESS = Path("/proc/self")
CGROUP = Path("/sys/fs/cgroup")


def most_that_fit(reference: Reference, free: int | None = None) -> int | None:
    """A power of two, or None where BATCH of them do, or the system does not tell. `free` in bytes (default the
    machine's, or the control group's)."""
    free = free_bytes() if free is None else free
    if free is None or reference.max_batch is not None or not _forget_peak():
        return None
    try:
        one, two, four = (_peak_of(reference, count) for count in (1, 2, 4))  # the first call loads code as well
    except Exception:  # whatever the network makes of its samples, which is said where they are judged
        return None
    of_one = max(two - one, (four - two) // 2, 1)
    fits = free // SHARE // of_one
    return None if fits >= BATCH else 2 ** int(math.log2(max(1, fits)))


def _peak_of(reference: Reference, samples: int) -> int:
    inputs = reference.test.repeated(samples)
    reference.run(resized(inputs, reference.inputs, largest(reference.inputs)))
    return _number(PROCESS / "status", "VmHWM:")


def free_bytes(cgroup: Path = CGROUP) -> int | None:
    """What the machine, or the control group, has left; None where the system does not tell."""
    try:
        free = _number(Path("/proc/meminfo"), "MemAvailable:")
    except OSError:
        return None
    try:
        limit, used = ((cgroup / name).read_text().strip() for name in ("memory.max", "memory.current"))
        kept = _number(cgroup / "memory.stat", "inactive_file ", unit=1)  # of files, which the kernel gives back
    except OSError:
        return free
    return free if limit == "max" else min(free, max(0, int(limit) - int(used) + kept))


def _forget_peak() -> bool:
    """Whether the system counts the largest memory anew from now on."""
    try:
        (PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _number(path: Path, key: str, unit: int = 1024) -> int:
    """Bytes, of a line such as `VmHWM:  1234 kB`."""
    line = next(line for line in path.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * unit
