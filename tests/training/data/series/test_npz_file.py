"""Files .npz with series and their targets."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.series.npz_file import read_npz, sides_of_npz

NAN = np.nan


def saved(folder: Path, **arrays: object) -> Path:
    np.savez(folder / "x.npz", **{name: np.asarray(value) for name, value in arrays.items()})  # type: ignore[arg-type]
    return folder / "x.npz"


def test_lengths_or_nan_say_where_a_series_ends(tmp_path: Path) -> None:
    path = saved(tmp_path, x=[[1, 2, 3], [4, 5, 0]], y=["a", "b"], lengths=[3, 2])
    found = read_npz(path, "", channels_first=False)
    assert ([each.values[:, 0].tolist() for each in found.series], found.flat) == ([[1, 2, 3], [4, 5]], True)
    path = saved(tmp_path, X=[[1, 2, 3], [4, 5, NAN]], Y=[1.0, 2.0])
    found = read_npz(path, "", channels_first=False)
    assert [(each.values[:, 0].tolist(), each.target) for each in found.series] == [([1, 2, 3], "1"), ([4, 5], "2")]


def test_channels_are_last_or_first(tmp_path: Path) -> None:
    x = np.arange(12).reshape(2, 3, 2)
    last = read_npz(saved(tmp_path, x=x, y=[0, 1]), "", channels_first=False)
    first = read_npz(saved(tmp_path, x=x.swapaxes(1, 2), y=[0, 1]), "", channels_first=True)
    assert not last.flat
    for one, other in zip(last.series, first.series, strict=True):
        assert one.values.tolist() == other.values.tolist()


def test_a_file_may_have_both_sides(tmp_path: Path) -> None:
    path = saved(tmp_path, x_train=[[1], [2]], y_train=[0, 1], x_test=[[3]], y_test=[1])
    assert sides_of_npz(path)
    assert read_npz(path, "test", channels_first=False).series[0].where == "x_test[0]"
    assert not sides_of_npz(saved(tmp_path, x=[[1]], y=[0]))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": [[1.0]]}, "has no y, but x"),
        ({"xs": [[1.0]], "y": [1]}, "has no x, but xs, y; did you mean"),
        ({"x": [1.0], "y": [1]}, "x is float64 [1]; numbers [series, steps] or"),
        ({"x": [["a"]], "y": [1]}, "x is <U1 [1, 1]; numbers"),
        ({"x": [[1.0]], "y": [1, 2]}, "y is int64 [2]; one class or number for each of 1 series is expected"),
        ({"x": [[1.0]], "y": [1], "lengths": [2]}, "lengths is no length from 1 to 1 for each of 1 series"),
        ({"x": np.zeros((0, 3)), "y": []}, "x is [0, 3]; one entry for each series is expected"),
        ({"x": [[NAN, 1.0]], "y": [1]}, "x[0] has a value at step 0 that is missing"),
    ],
)
def test_arrays_that_are_none_are_named(arrays: dict[str, object], words: str, tmp_path: Path) -> None:
    path = saved(tmp_path, **arrays)
    assert refusal(lambda: read_npz(path, "", channels_first=False)).startswith(f"{path}: {words}")


def test_objects_and_other_files_are_refused(tmp_path: Path) -> None:
    objects = np.empty(2, object)
    objects[:] = [np.zeros(3), np.zeros(2)]
    path = saved(tmp_path, x=objects, y=[0, 1])
    assert "cannot be read as an .npz of arrays without objects" in refusal(lambda: read_npz(path, "", False))
    path.write_bytes(b"PK\x03\x04 no more")
    assert "cannot be read as an .npz" in refusal(lambda: read_npz(path, "", False))
    np.save(tmp_path / "y.npy", np.zeros(3))
    assert "cannot be read as an .npz" in refusal(lambda: read_npz(tmp_path / "y.npy", "", False))
