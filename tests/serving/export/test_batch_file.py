"""Batches come back in their order, as many as fit; a full file or disk keeps what it has."""

from pathlib import Path

import numpy as np
import pytest

from torchferry.serving.export.batch_file import BatchFile

BATCHES = [[np.full((2, 3), number, np.uint8), np.array([number, 7])] for number in range(4)]
BYTES = sum(array.nbytes for array in BATCHES[0])


def numbers(file: BatchFile) -> list[int]:
    return [int(arrays[0][0, 0]) for arrays in file]


def test_arrays_come_back_with_their_types_and_shapes_each_time(tmp_path: Path) -> None:
    file = BatchFile(tmp_path / "kept")
    for number, arrays in enumerate(BATCHES):
        file.add(number, arrays)
    for _ in range(2):
        for (pixels, targets), (wanted, classes) in zip(file, BATCHES, strict=True):
            assert (pixels.dtype, targets.dtype) == (np.dtype("uint8"), np.dtype("int64"))
            np.testing.assert_array_equal(pixels, wanted)
            np.testing.assert_array_equal(targets, classes)


def test_a_batch_that_is_there_or_does_not_come_next_is_not_added(tmp_path: Path) -> None:
    file = BatchFile(tmp_path / "kept")
    for number in (1, 0, 0, 2, 1):
        file.add(number, BATCHES[number])
    assert numbers(file) == [0, 1]


def test_it_holds_the_first_that_fit_and_no_later_one(tmp_path: Path) -> None:
    head = 128  # bytes before an array in a .npy
    file = BatchFile(tmp_path / "kept", limit=2 * (BYTES + 2 * head) + BYTES - 1)
    for number, arrays in enumerate(BATCHES):
        file.add(number, arrays)
    file.add(2, [np.zeros(1)])  # would fit, but comes after one that did not
    assert numbers(file) == [0, 1]
    assert file.path.stat().st_size <= file.limit


@pytest.mark.parametrize("small_disk", [1], indirect=True)
def test_a_full_disk_ends_what_is_kept_and_nothing_else(small_disk: Path) -> None:
    file = BatchFile(small_disk / "kept", limit=1 << 30)
    large = np.zeros(3 << 18, np.uint8)
    for number in range(3):
        file.add(number, [large])
    assert [len(arrays[0]) for arrays in file] == [len(large)]


@pytest.mark.parametrize("small_disk", [1], indirect=True)
def test_it_leaves_most_of_the_disk_to_others(small_disk: Path) -> None:
    assert BatchFile(small_disk / "kept").limit < 1 << 20


def test_targets_that_are_dictionaries_come_back_as_such(tmp_path: Path) -> None:
    file = BatchFile(tmp_path / "kept")
    batch = [np.zeros((2, 3), np.uint8), {"boxes": np.ones((2, 1, 4)), "labels": np.array([[0], [1]])}]
    file.add(0, batch)
    ((pixels, targets),) = file
    np.testing.assert_array_equal(pixels, batch[0])
    assert list(targets) == ["boxes", "labels"]
    assert targets["labels"].tolist() == [[0], [1]]
