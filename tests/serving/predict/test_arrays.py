"""NumPy's files to instances, by the inputs' names."""

import json
from pathlib import Path

import numpy as np
import pytest

from torchferry.errors import UserError
from torchferry.serving.predict.arrays import array_rows


def read(path: Path) -> list[tuple[int | None, bytes]]:
    return [(sample.row, sample.content) for sample in array_rows(path, "a")]


def test_each_place_of_an_array_is_a_sample(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[0.5, 1], [2, 3]], np.float32))
    assert read(tmp_path / "a.npy") == [(1, b"[0.5, 1.0]"), (2, b"[2.0, 3.0]")]


def test_several_arrays_are_bound_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", ids=np.array([[1, 2], [3, 4]]), on=np.array([True, False]))
    assert read(tmp_path / "a.npz") == [(1, b'{"ids": [1, 2], "on": true}'), (2, b'{"ids": [3, 4], "on": false}')]


def test_strings_are_texts(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", word=np.array(["cat"]), wide=np.array([[b"d\xc3\xb6g", b""]]))
    ((_, sample),) = read(tmp_path / "a.npz")
    assert json.loads(sample) == {"word": "cat", "wide": ["dög", ""]}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros((2, 1)), "y": np.zeros((3, 1))}, r"as many samples, .*; x has 2, y has 3$"),
        ({"x": np.zeros((0, 1))}, "one or more, .*; x has 0$"),
        ({"x": np.float32(1)}, "x has 0$"),
        ({}, "it has no arrays$"),
        ({"x": np.array(["2026-11-30"], "M8[D]")}, "x is not an array of numbers or strings$"),
    ],
)
def test_what_are_no_samples_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    np.savez(tmp_path / "a.npz", allow_pickle=False, **arrays)
    with pytest.raises(UserError, match=f"^a: .*{words}"):
        read(tmp_path / "a.npz")


def test_a_damaged_file_and_a_pickle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY and no more")
    np.save(tmp_path / "b.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name in ("a.npy", "b.npy"):
        with pytest.raises(UserError, match=r"^a: is not a \.npy or \.npz of plain arrays \("):
            read(tmp_path / name)
