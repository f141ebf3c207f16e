"""The processor: how many cores of it this process may use, and what it can do."""

import math
import os
from pathlib import Path

# What decides how quick float16 and int8 arithmetic is, in the kernel's words.
TELLING = (
    *(
        "avx2",
        "fma",
        "f16c",
        "avx512f",
        "avx512_vnni",
        "avx512_bf16",
        "avx512_fp16",
        "avx_vnni",
        "amx_int8",
        "amx_bf16",
    ),
    *("asimddp", "fphp", "i8mm", "sve"),
)


def cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """The cgroup's quota, the affinity mask or the machine, whichever is least; at least 1.

    A quota of 1.5 cores counts as 1: a thread more would be throttled.
    """
    allowed = len(os.sched_getaffinity(0))
    return max(1, math.floor(min(allowed, _quota(cgroup))))


def _quota(cgroup: Path) -> float:
    try:
        if (cgroup / "cpu.max").exists():  # cgroup v2
            quota, period = (cgroup / "cpu.max").read_text().split()
        else:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        return int(quota) / int(period) if quota not in ("max", "-1") else math.inf
    except (OSError, ValueError):
        return math.inf


def features() -> list[str]:
    """The instructions that matter here and that this processor has; none where the kernel does not say."""
    try:
        words = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return []
    return [name for name in TELLING if name in words]
