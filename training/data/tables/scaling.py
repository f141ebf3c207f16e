"""Mean and deviation of a table's columns, so that a network sees numbers near 1 whatever their units are."""

from collections.abc import Callable, Sequence

import numpy as np

from torchferry.errors import UserError


def scaling(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column of [rows, columns], both float64 [columns].

    A constant column has its value for a mean, and 1 for a standard deviation.
    """
    rows = rows.astype(np.float64)
    constant = rows.min(axis=0) == rows.max(axis=0)  # their mean is rounded, so their deviations need not be 0
    with np.errstate(over="ignore", invalid="ignore"):  # infinity, which check_narrow refuses
        mean = np.where(constant, rows[0], rows.mean(axis=0))
        deviations = np.where(constant, 1.0, rows - mean)
        # In units of a power of two, which change no digit, so that no square overflows or vanishes.
        unit = np.ldexp(1.0, np.frexp(np.abs(deviations).max(axis=0))[1])
        return mean, unit * np.sqrt(np.square(deviations / unit).mean(axis=0))


def check_narrow(
    rows: np.ndarray,
    mean: np.ndarray,
    std: np.ndarray,
    columns: Sequence[str],
    name: str,
    place: Callable[[int], str],
) -> None:
    """Raises UserError for a cell of float64 [rows, columns] that no float32 holds once it is scaled.

    `place` says where a row is found.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = ((rows - mean) / std).astype(np.float32)
    bad = np.argwhere(~np.isfinite(scaled) | ~np.isfinite(std))
    if len(bad):
        row, column = bad[0]
        is_scaled = mean[column] != 0 or std[column] != 1
        wanted = "lies too far from the others to be scaled to a float32" if is_scaled else "is no finite float32"
        raise UserError(
            f"{name}: column '{columns[column]}' is {rows[row, column]} in {place(int(row))}, which {wanted}"
        )
