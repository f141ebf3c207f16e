"""The classification extension: the best classes of each sample instead of all the numbers."""

from collections.abc import Sequence

import numpy as np


def classified(values: np.ndarray, classes: int, labels: Sequence[str]) -> np.ndarray:
    """BYTES [batch, classes] of `value:index` or `value:index:label`, the best first; fewer where there are fewer."""
    rows = values.reshape(len(values), -1)
    best = np.argsort(-rows.astype(np.float64), axis=1, kind="stable")[:, :classes]
    named = len(labels) == rows.shape[1]
    answer = np.empty(best.shape, dtype=object)
    for row, column in np.ndindex(best.shape):
        index = int(best[row, column])
        text = f"{rows[row, index].item():f}:{index}" + (f":{labels[index]}" if named else "")
        answer[row, column] = text.encode()
    return answer
