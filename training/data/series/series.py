"""Time series with a class or a number each: .ts and .tsv of the archives, .npz, or a long CSV, cut into windows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.training.data.arguments import at_least, checked
from torchferry.training.data.files.folder_layout import ARGS
from torchferry.training.data.files.label_list import text_of
from torchferry.training.data.membership import held_out, key_of
from torchferry.training.data.ragged import Ragged
from torchferry.training.data.series.long_table import LongColumns, read_long
from torchferry.training.data.series.npz_file import read_npz, sides_of_npz
from torchferry.training.data.series.recordings import Recording, Recordings
from torchferry.training.data.series.row_file import read_rows
from torchferry.training.data.series.ts_file import read_ts
from torchferry.training.data.series.windows import windows
from torchferry.training.data.source import Source, TargetScale
from torchferry.training.data.tables.scaling import scaling
from torchferry.training.data.varying_inputs import SeriesInput

ENDINGS = (".ts", ".tsv", ".txt", ".npz", ".csv")


@checked
def series(
    path: str,
    test_path: str | None = None,
    test_fraction: float | None = None,
    split_seed: int = 0,
    window: int | None = None,
    stride: int | None = None,
    least_steps: int = 1,
    most_steps: int | None = None,
    series_column: str | None = None,
    label_column: str | None = None,
    value_columns: list[str] | None = None,
    channels_first: bool = False,
    labels: list[str] | None = None,
    targets: Literal["classes", "values"] = "classes",
) -> Source:
    """Time series of any length, of one channel or several, with a class or a number each.

    The file's ending says how it is read: .ts as aeon and sktime have it; .tsv and .txt with a class and then the
    values in each line, as UCR's archive; .npz with x [series, steps] or [series, steps, channels], y and perhaps
    lengths; .csv with a first line of names and a step in each row. A network scales each channel by what the training
    series have.

    Args:
        path: The file to train on, or an .npz with x_train, y_train, x_test and y_test.
        test_path: The file to test on.
        test_fraction: Share of the series that is held out, by content alone, in place of test_path; with 0 the test
            set is the training set. Windows of one series, and series of one name, are on one side.
        split_seed: Decides which ones.
        window: Cuts longer series into windows of so many steps; null takes series whole.
        stride: Steps from one window to the next; null takes that of the window, so that none overlap.
        least_steps: Of a series; a shorter one is refused.
        most_steps: Of a series; a longer one is refused, null takes the longest of both sets.
        series_column: Of a .csv, the column that names a step's series; null finds series, id or case.
        label_column: Of a .csv, the column of classes or numbers; null finds label, class, target or y. A series ends
            where it changes.
        value_columns: Of a .csv, the channels; null takes all other columns but those of time.
        channels_first: Whether x of an .npz is [series, channels, steps].
        labels: The classes, in the network's order; null takes those of the training series, sorted, by number if all
            are numbers.
        targets: classes, or values for regression; the task decides.
    """
    at_least(1, window=window, stride=stride, least_steps=least_steps, most_steps=most_steps)
    if stride is not None and window is None:
        raise UserError(f"{ARGS}.stride: is for windows; give {ARGS}.window")
    columns = LongColumns(series_column, label_column, value_columns)
    train, test = _both(Path(path).expanduser(), test_path, test_fraction, split_seed, columns, channels_first)
    test = replace(test, flat=train.flat)
    if train.channels != test.channels:
        raise UserError(f"{test.path}: has {test.channels} channels; {train.path} has {train.channels}")
    parts = [_cut(each, window, stride) for each in (train, test)]
    longest = most_steps or max(len(each.values) for part in parts for each in part)
    for file, part in zip((train, test), parts, strict=True):
        _check_lengths(file.path, part, least_steps, longest)
    names = _names(train, labels) if targets == "classes" else ("value",)
    return _source((train, test), parts, names, targets, (least_steps, longest))


def _source(
    files: tuple[Recordings, Recordings],
    parts: Sequence[Sequence[Recording]],
    names: tuple[str, ...],
    targets: str,
    bounds: tuple[int, int],
) -> Source:
    """Of what is trained and tested on; `bounds` are the fewest steps and the most."""
    train, test = (_samples(file, part, names, targets) for file, part in zip(files, parts, strict=True))
    mean, std = scaling(np.concatenate([each.values for each in parts[0]]))
    found = Source(
        train=train,
        test=test,
        labels=names,
        input=SeriesInput(
            channels=None if files[0].flat else files[0].channels,
            mean=tuple(mean.tolist()),
            std=tuple(std.tolist()),
            least=bounds[0],
            most=bounds[1],
        ),
        targets=targets,
        target_scale=_scale(train) if targets == "values" else None,
        keys=_keys(parts[0]),
    )
    return replace(found, refit=lambda before: replace(found, input=before))


def _both(
    path: Path, test_path: str | None, fraction: float | None, seed: int, columns: LongColumns, channels_first: bool
) -> tuple[Recordings, Recordings]:
    """To train on and to test on. Raises UserError unless one way is given to tell them apart."""
    has_both = path.suffix.lower() == ".npz" and sides_of_npz(path)
    ways = {
        f"{path} with x_test": has_both,
        f"{ARGS}.test_path": test_path,
        f"{ARGS}.test_fraction": fraction is not None,
    }
    given = [way for way, is_given in ways.items() if is_given]
    if not given:
        raise UserError(f"{path}: give {ARGS}.test_path or {ARGS}.test_fraction for the test set")
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} both say what is held out; leave one of them out")
    if has_both:
        return read_npz(path, "train", channels_first), read_npz(path, "test", channels_first)
    whole = _read(path, columns, channels_first)
    if test_path is not None:
        return whole, _read(Path(test_path).expanduser(), columns, channels_first)
    assert fraction is not None
    return _divided(whole, fraction, seed)


def _read(path: Path, columns: LongColumns, channels_first: bool) -> Recordings:
    ending = path.suffix.lower()
    if ending == ".npz":
        return read_npz(path, "", channels_first)
    if ending not in ENDINGS:
        raise UserError(f"{path}: {ending or 'no ending'} is none of {', '.join(ENDINGS)}")
    text = text_of(path)
    if ending == ".ts":
        return read_ts(path, text)
    return read_long(path, text, columns) if ending == ".csv" else read_rows(path, text)


def _divided(whole: Recordings, fraction: float, seed: int) -> tuple[Recordings, Recordings]:
    if not 0 <= fraction < 1:
        raise UserError(f"{ARGS}.test_fraction: {fraction} is not 0 or more and below 1")
    if seed < 0:
        raise UserError(f"{ARGS}.split_seed: {seed} is too small; give 0 or more")
    if fraction == 0:
        return whole, whole
    held = held_out(_keys(whole.series), fraction, seed)
    if held.all() or not held.any():
        count = len(set(_keys(whole.series).tolist()))
        way = f"give another {ARGS}.split_seed, or {ARGS}.test_path"
        raise UserError(f"{whole.path}: all of its {count} series that belong together fall on one side; {way}")
    train = tuple(each for each, is_held in zip(whole.series, held, strict=True) if not is_held)
    test = tuple(each for each, is_held in zip(whole.series, held, strict=True) if is_held)
    return replace(whole, series=train), replace(whole, series=test)


def _keys(series: Sequence[Recording]) -> np.ndarray:
    """uint64 [series]: of the group, or of what a series holds."""
    said = (each.values.tobytes() if each.group is None else each.group.encode() for each in series)
    return np.array([key_of(content) for content in said], np.uint64)


def _cut(file: Recordings, window: int | None, stride: int | None) -> Sequence[Recording]:
    if window is None:
        return file.series
    keys = _keys(file.series).tolist()
    named = [replace(each, group=each.group or str(key)) for each, key in zip(file.series, keys, strict=True)]
    return windows(named, window, stride or window)


def _check_lengths(path: str, series: Sequence[Recording], least: int, most: int) -> None:
    for each in series:
        if not least <= len(each.values) <= most:
            hint = f"; {ARGS}.window cuts longer ones" if len(each.values) > most else ""
            raise UserError(f"{path}: {each.where} has {len(each.values)} steps; {least} to {most} are taken{hint}")


def _names(train: Recordings, labels: list[str] | None) -> tuple[str, ...]:
    if labels is not None:
        if len(set(labels)) != len(labels):
            raise UserError(f"{ARGS}.labels: {labels} name a class twice")
        return tuple(labels)
    found = {each.target for each in train.series}
    return tuple(sorted(found, key=int if all(map(str.isdecimal, found)) else None))


def _samples(file: Recordings, series: Sequence[Recording], names: tuple[str, ...], targets: str) -> Ragged:
    path, values = file.path, [each.values[:, 0] if file.flat else each.values for each in series]
    if targets == "values":
        return Ragged(values, torch.tensor([[_number(path, each)] for each in series], dtype=torch.float64))
    numbers = {name: number for number, name in enumerate(names)}
    for each in series:
        if each.target not in numbers:
            meant = did_you_mean(each.target, names)
            raise UserError(f"{path}: {each.where} is of class '{each.target}', none of {some(names)}{meant}")
    return Ragged(values, torch.tensor([numbers[each.target] for each in series]))


def _number(path: str, series: Recording) -> float:
    try:
        if np.isfinite(number := float(series.target)):
            return number
    except ValueError:
        pass
    raise UserError(f"{path}: {series.where} has the target '{series.target}', which is no finite number")


def _scale(train: Ragged) -> TargetScale:
    mean, std = scaling(train.targets.numpy())
    return TargetScale(mean=tuple(mean.tolist()), std=tuple(std.tolist()))
