"""Memory that large tensors give back stays with the process, unless the environment says otherwise."""

import subprocess
import sys

import pytest

from torchferry.malloc import ENVIRONMENT

FAULTS = """
import resource, sys
import numpy as np
from torchferry.malloc import keep_freed_memory
done = keep_freed_memory() if sys.argv[1] == "keep" else None
for _ in range(3):
    [np.ones(1_000_000) for _ in range(4)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    [np.ones(1_000_000) for _ in range(4)]
print(done, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(word: str, **environment: str) -> tuple[str, int]:
    """Whether it was done, and the pages that were fetched again by 20 rounds of four arrays of 8 MB."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, word], env=environment, capture_output=True, text=True, check=True
    )
    said, count = done.stdout.split()
    return said, int(count)


def test_freed_memory_is_used_again() -> None:
    assert faults("leave")[1] > 10_000
    said, count = faults("keep")
    assert said == "True"
    assert count < 1_000


@pytest.mark.parametrize(
    "environment", [{"MALLOC_TRIM_THRESHOLD_": "131072"}, {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=131072"}]
)
def test_what_the_environment_says_counts_more(environment: dict[str, str]) -> None:
    assert faults("keep", **environment)[0] == "False"


def test_other_processes_get_the_same_by_their_environment() -> None:
    assert faults("leave", **{name: str(value) for name, value in ENVIRONMENT.items()})[1] < 1_000
