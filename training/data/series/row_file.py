"""Files of rows, as UCR's archive has them: a class, then the values of one series, between tabs, commas or spaces."""

from pathlib import Path

import numpy as np

from torchferry.errors import UserError
from torchferry.training.data.series.recordings import Recording, Recordings, recordings, said_label, without_end


def read_rows(path: Path, text: str) -> Recordings:
    """Behind a shorter series stands NaN. Raises UserError."""
    series = [_series(path, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    return recordings(str(path), series, flat=True)


def _series(path: Path, number: int, line: str) -> Recording:
    separator = "\t" if "\t" in line else "," if "," in line else None
    target, *cells = line.split(separator)
    where = f"line {number}"
    try:
        values = np.array([cell.strip() or "nan" for cell in cells], np.float32)
    except ValueError as error:
        raise UserError(f"{path}: {where}: {error}; a class and then numbers are expected") from error
    return Recording(without_end(values[:, None]), said_label(target), where)
