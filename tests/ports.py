"""The one allocator of ports: no two tests, workers or suites on a machine are given the same one.

Its ports lie below those that the kernel gives to whoever asks for any (/proc/sys/net/ipv4/ip_local_port_range), so no
client's connection takes one between the moment when it is found free and the moment when a server listens on it.
"""

import fcntl
import os
import random
import tempfile
from pathlib import Path

from torchferry.serving.net.ports import is_free

PORTS = range(15_000, 32_000)
LOCKS = Path(tempfile.gettempdir()) / "torchferry-test-ports"

_held: list[int] = []


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, kept for this process until it ends."""
    LOCKS.mkdir(mode=0o777, exist_ok=True)
    for port in random.sample(PORTS, len(PORTS)):
        lock = os.open(LOCKS / str(port), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        if is_free("127.0.0.1", port):
            _held.append(lock)
            return port
        os.close(lock)
    raise AssertionError(f"every port of {PORTS} is taken")
