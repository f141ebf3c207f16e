"""Files .ts of the time-series archives (UEA, UCR; aeon and sktime): a header of @words, then a series in each line."""

from pathlib import Path

import numpy as np

from torchferry.errors import UserError
from torchferry.training.data.series.recordings import Recording, Recordings, recordings, said_label


def read_ts(path: Path, text: str) -> Recordings:
    """Dimensions stand between colons, values between commas, and the class or target is last. Raises UserError."""
    words, lines = _parts(path, text)
    if words.get("timestamps") == "true":
        raise UserError(f"{path}: has time stamps, which are not read; write the values alone, @timeStamps false")
    if "true" not in (words.get("classlabel", "").partition(" ")[0], words.get("targetlabel", "")):
        raise UserError(f"{path}: says neither @classLabel true nor @targetlabel true; its series have no targets")
    series = [_series(path, number, line) for number, line in lines]
    return recordings(str(path), series, flat=words.get("univariate") == "true" or series[0].values.shape[1] == 1)


def _parts(path: Path, text: str) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """The header's words, and the lines of data with their numbers."""
    words: dict[str, str] = {}
    lines: list[tuple[int, str]] = []
    data = False
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line[0] in "#%":
            continue
        if data:
            lines.append((number, line))
        elif line.lower().startswith("@data"):
            data = True
        elif line.startswith("@"):
            name, _, value = line[1:].partition(" ")
            words[name.lower()] = value.strip().lower()
        else:
            raise UserError(f"{path}: line {number} stands before @data and is no @word")
    if not lines:
        raise UserError(f"{path}: has no series behind @data")
    return words, lines


def _series(path: Path, number: int, line: str) -> Recording:
    *dimensions, target = line.split(":")
    where = f"line {number}"
    if not dimensions:
        raise UserError(f"{path}: {where} has no colon, behind which its class or target stands")
    try:
        rows = [np.array(row.replace("?", "nan").split(","), np.float32) for row in dimensions]
    except ValueError as error:
        raise UserError(f"{path}: {where}: {error}") from error
    if len({len(row) for row in rows}) > 1:
        counts = ", ".join(str(len(row)) for row in rows[:5])
        raise UserError(f"{path}: {where} has dimensions of unequal length: {counts}")
    return Recording(np.stack(rows, axis=1), said_label(target), where)
