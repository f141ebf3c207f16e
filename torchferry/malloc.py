"""glibc's allocator, told to keep what large tensors give back.

By itself it returns that memory to the system and faults it in again in the next step: a fifth of the time of a step of
training on a CPU, and a sixth of a batch of eight pictures through a torch model.
"""

import ctypes
import os

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # mallopt's names for them
ENVIRONMENT = {"MALLOC_TRIM_THRESHOLD_": 1 << 30, "MALLOC_MMAP_THRESHOLD_": 32 << 20}
"""The same for another process, in bytes; 32 MiB is the largest that glibc takes for the second."""


def keep_freed_memory() -> bool:
    """In this process, which then holds up to 1 GiB that is free. Returns whether it was done.

    It is not where the C library is another one, or where the environment has thresholds of its own.
    """
    if ENVIRONMENT.keys() & os.environ.keys() or "glibc.malloc." in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        os.confstr("CS_GNU_LIBC_VERSION")
        mallopt = ctypes.CDLL(None).mallopt
    except (ValueError, OSError, AttributeError):
        return False
    trim, mmap = ENVIRONMENT.values()
    return bool(mallopt(TRIM_THRESHOLD, trim) and mallopt(MMAP_THRESHOLD, mmap))
