"""Files .npz of numpy: x [series, steps] or [series, steps, channels] and y [series], of one side or of both."""

import zipfile
from pathlib import Path

import numpy as np

from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.series.recordings import Recording, Recordings, recordings, said_label, without_end


def sides_of_npz(path: Path) -> bool:
    """Whether it has both, as x_train, y_train, x_test and y_test."""
    return "x_train" in _arrays(path)


def read_npz(path: Path, side: str, channels_first: bool) -> Recordings:
    """`side` is train, test, or nothing for a file of one. `lengths` [series] says how long each series is; without it
    steps of NaN at an end are left out. Raises UserError."""
    arrays, ending = _arrays(path), f"_{side}" if side else ""
    x, y = _array(path, arrays, f"x{ending}"), _array(path, arrays, f"y{ending}")
    if x.ndim not in (2, 3) or x.dtype.kind not in "biuf":
        expected = "numbers [series, steps] or [series, steps, channels]"
        raise UserError(f"{path}: x{ending} is {x.dtype} {list(x.shape)}; {expected} are expected")
    if y.reshape(len(y), -1).shape != (len(x), 1) or y.dtype.kind not in "biufUS":
        expected = f"one class or number for each of {len(x)} series"
        raise UserError(f"{path}: y{ending} is {y.dtype} {list(y.shape)}; {expected} is expected")
    values = x[..., None] if x.ndim == 2 else x.swapaxes(1, 2) if channels_first else x
    lengths = arrays.get(f"lengths{ending}")
    if lengths is not None:
        _check_lengths(path, f"lengths{ending}", lengths, values)
    return recordings(
        str(path),
        [
            Recording(
                without_end(each.astype(np.float32)) if lengths is None else each[: lengths[number]].astype(np.float32),
                said_label(_text(target)),
                f"x{ending}[{number}]",
            )
            for number, (each, target) in enumerate(zip(values, y.reshape(-1), strict=True))
        ],
        flat=x.ndim == 2,
    )


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """By their names in small letters."""
    try:
        with path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as arrays:
            return {name.lower(): arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as an .npz of arrays without objects: {one_line(error)}") from error


def _array(path: Path, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in arrays:
        has = some(list(arrays)) or "no arrays"
        raise UserError(f"{path}: has no {name}, but {has}{did_you_mean(name, list(arrays))}")
    if not arrays[name].ndim or not len(arrays[name]):
        raise UserError(f"{path}: {name} is {list(arrays[name].shape)}; one entry for each series is expected")
    return arrays[name]


def _check_lengths(path: Path, name: str, lengths: np.ndarray, values: np.ndarray) -> None:
    fits = lengths.shape == values.shape[:1] and lengths.dtype.kind in "iu"
    if not fits or lengths.min() < 1 or lengths.max() > values.shape[1]:
        raise UserError(f"{path}: {name} is no length from 1 to {values.shape[1]} for each of {len(values)} series")


def _text(value: np.generic) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
