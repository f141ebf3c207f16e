"""How many cores this process may use: the cgroup's quota, the affinity mask, the machine, whichever is least."""

import math
import os
from pathlib import Path


def cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """At least 1. A quota of 1.5 cores counts as 1: a thread more would be throttled."""
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
