"""How many files the process may open, of which each connection is one: by default often 1,024."""

import resource
import sys

OTHERS = 1024
"""Files beside the connections to REST: those of the other ports, gRPC's, and what is read."""


def allow(connections: int) -> None:
    """Raise the limit as far as that needs and the system lets; what is missing is said on stderr."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHERS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        limit = f"this process may open {allowed:,} files (ulimit -n), too few for {connections:,} connections"
        print(f"torchferry: --max-connections: {limit}; those beyond wait", file=sys.stderr, flush=True)
