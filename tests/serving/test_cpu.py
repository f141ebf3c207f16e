"""A process counts the cores that it may use, not those that the machine has."""

import os
from pathlib import Path

import pytest

from torchferry.serving.cpu import TELLING, cores, features

V1_QUOTA, V1_PERIOD = "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """The affinity mask of this process."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text + "\n")
    return folder


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "250000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "6400000 100000"}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({V1_QUOTA: "300000", V1_PERIOD: "100000"}, 3),
        ({V1_QUOTA: "-1", V1_PERIOD: "100000"}, 8),
        ({"cpu.max": "100000 100000", V1_QUOTA: "300000", V1_PERIOD: "100000"}, 1),
    ],
)
def test_the_least_of_quota_and_mask_counts_rounded_down_to_at_least_one(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    assert cores(write(tmp_path, files)) == expected


@pytest.mark.parametrize("files", [{}, {"cpu.max": ""}, {"cpu.max": "a b"}, {V1_QUOTA: "300000"}])
def test_without_a_quota_that_can_be_read_the_mask_counts(tmp_path: Path, files: dict[str, str]) -> None:
    assert cores(write(tmp_path, files)) == 8


def test_features_are_whole_words_of_the_kernels_that_tell_something(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = "flags : fpu avx512_vnni avx2 avx512fx sse\nflags : fpu avx512_vnni avx2"
    monkeypatch.setattr(Path, "read_text", lambda _: flags)
    assert features() == ["avx2", "avx512_vnni"]
    assert set(features()) < set(TELLING)


def test_there_are_no_features_where_the_kernel_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> str:
        raise PermissionError(str(path))

    monkeypatch.setattr(Path, "read_text", denied)
    assert features() == []
