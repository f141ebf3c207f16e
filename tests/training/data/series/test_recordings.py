"""What every format of series is held to."""

import numpy as np
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.series.recordings import Recording, recordings, said_label, without_end


def recording(values: object, where: str = "line 1") -> Recording:
    return Recording(np.array(values, np.float32), "a", where)


@pytest.mark.parametrize(
    ("series", "words"),
    [
        ([], "has no series"),
        ([recording(np.zeros((0, 2)))], "line 1 has no steps"),
        ([recording([[1, 2]]), recording([[1]], "line 2")], "line 2 has 1 channels; line 1 has 2"),
        ([recording([[1], [np.nan]])], "line 1 has a value at step 1 that is missing or not finite; fill it, or leave"),
        ([recording([[np.inf]])], "line 1 has a value at step 0"),
    ],
)
def test_what_is_no_series_is_named(series: list[Recording], words: str) -> None:
    assert refusal(lambda: recordings("file", series, flat=True)).startswith(f"file: {words}")


def test_nan_behind_a_series_is_no_part_of_it() -> None:
    nan = np.nan
    assert without_end(np.array([[1, nan], [nan, nan], [2, 3], [nan, nan]])).shape == (3, 2)
    assert without_end(np.full((3, 2), nan)).shape == (0, 2)


def test_a_label_is_as_people_write_it() -> None:
    given = ["1", "1.0", "1.0000000e+00", " up ", "1.5", "-1", "nan"]
    assert [said_label(text) for text in given] == ["1", "1", "1", "up", "1.5", "-1", "nan"]
    assert recordings("file", [recording([[1, 2]])], flat=False).channels == 2
