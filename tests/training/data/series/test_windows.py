"""Windows of long series."""

import numpy as np

from torchferry.training.data.series.recordings import Recording
from torchferry.training.data.series.windows import windows


def test_windows_are_whole_and_shorter_series_stay() -> None:
    series = [Recording(np.arange(steps, dtype=np.float32)[:, None], "a", "line 1", "g") for steps in (7, 2)]
    found = windows(series, 3, 2)
    assert [each.values[:, 0].tolist() for each in found] == [[0, 1, 2], [2, 3, 4], [4, 5, 6], [0, 1]]
    assert found[1].where == "line 1 from step 2"
    assert {each.group for each in found} == {"g"}
