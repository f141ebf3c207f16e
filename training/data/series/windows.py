"""Long series cut into windows."""

from collections.abc import Sequence
from dataclasses import replace

from torchferry.training.data.series.recordings import Recording


def windows(series: Sequence[Recording], size: int, stride: int) -> list[Recording]:
    """Of each series those of `size` steps that begin every `stride` steps, as long as they are whole; a shorter series
    stays as it is. A window is grouped with the others of its series."""
    return [
        replace(each, values=each.values[start : start + size], where=f"{each.where} from step {start}")
        for each in series
        for start in range(0, max(1, len(each.values) - size + 1), stride)
    ]
