"""Run lengths: written and read again."""

import numpy as np
import pytest

from torchferry.contract.tasks import run_lengths


def test_runs_go_on_over_the_ends_of_rows() -> None:
    assert run_lengths.written(run_lengths.runs_of(np.array([[0, 0, 1], [1, 1, 0]], np.uint8))) == [0, 2, 1, 3, 0, 1]


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (0, 4)])
def test_what_is_written_is_read_again(size: tuple[int, int]) -> None:
    mask = np.random.default_rng(0).integers(0, 3, size, dtype=np.uint8)

    assert np.array_equal(run_lengths.read(run_lengths.written(run_lengths.runs_of(mask)), size), mask)


@pytest.mark.parametrize("runs", [[0, 5], [0, -1, 1, 7]])
def test_runs_of_another_number_of_pixels_are_no_mask(runs: list[int]) -> None:
    with pytest.raises(ValueError, match="pixels, not 6"):
        run_lengths.read(runs, (2, 3))
