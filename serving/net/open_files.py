"""Raises the limit of files that the process may open, of which each connection is one: by default often 1,024."""

import resource
import sys

PORTS = 2
"""REST and gRPC, each of which takes as many connections as are asked for."""
OTHERS = 2048
"""Files beside these: the connections of the other ports, and what is read."""


def allow(connections: int) -> None:
    """Raise the limit as far as so many for each port need and the system lets; what is missing is said on stderr."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = PORTS * connections + OTHERS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        limit = f"this process may open {allowed:,} files (ulimit -n), and {wanted:,} are needed"
        why = f"for {connections:,} connections over REST and as many over gRPC"
        print(f"torchferry: --max-connections: {limit} {why}; those beyond wait", file=sys.stderr, flush=True)
