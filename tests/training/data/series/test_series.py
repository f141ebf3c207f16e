"""Series of any length from files: what a network takes, which side a series is on, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.data.sources import refusal, source
from torchferry.training.data.varying_inputs import SeriesInput

TS = "@univariate true\n@classLabel true a b\n@data\n"


def rows(folder: Path, name: str, *lines: str) -> str:
    (folder / name).write_text("\n".join(lines))
    return str(folder / name)


def two(folder: Path) -> dict[str, str]:
    train = rows(folder, "train.tsv", "10\t0\t2\t4", "9\t6\t8", "10\t1")
    return {"path": train, "test_path": rows(folder, "test.tsv", "9\t1\t2\t3\t4")}


def test_samples_are_as_long_as_they_are(tmp_path: Path) -> None:
    found = source("series", **two(tmp_path))
    values = np.array([0, 2, 4, 6, 8, 1], np.float64)
    assert found.input == SeriesInput(channels=None, mean=(values.mean(),), std=(values.std(),), least=1, most=4)
    assert (found.labels, found.targets) == (("9", "10"), "classes")
    samples = [found.train[index] for index in range(3)]
    assert [(x.tolist(), int(y)) for x, y in samples] == [([0, 2, 4], 1), ([6, 8], 0), ([1], 1)]
    assert found.train.lengths.tolist() == [3, 2, 1]  # type: ignore[attr-defined]
    assert samples[0][0].dtype == torch.float32


def test_a_step_of_several_channels(tmp_path: Path) -> None:
    arrays = {"x_train": np.zeros((4, 5, 2)), "y_train": [0, 1, 0, 1], "x_test": np.ones((2, 5, 2)), "y_test": [0, 1]}
    np.savez(tmp_path / "x.npz", **arrays)  # type: ignore[arg-type]
    found = source("series", path=str(tmp_path / "x.npz"))
    assert isinstance(found.input, SeriesInput)
    assert (found.input.shape, found.input.std) == ((-1, 2), (1.0, 1.0))
    assert found.test[0][0].shape == (5, 2)


def test_regression_has_scaled_numbers(tmp_path: Path) -> None:
    text = TS.replace("@classLabel true a b", "@targetlabel true") + "1,2:0.5\n3:1.5\n"
    path = rows(tmp_path, "x.ts", text)
    found = source("series", path=path, test_path=path, targets="values")
    assert [found.train[index][1].tolist() for index in (0, 1)] == [[0.5], [1.5]]
    assert found.target_scale is not None
    assert found.labels == ("value",)
    words = refusal(lambda: source("series", path=rows(tmp_path, "y.ts", TS + "1:a"), test_path=path, targets="values"))
    assert words == f"{tmp_path}/y.ts: line 4 has the target 'a', which is no finite number"


def test_windows_of_one_series_are_on_one_side(tmp_path: Path) -> None:
    lines = ["who,x,label", *(f"{who},{100 * who + step},{step // 50}" for who in range(30) for step in range(100))]
    path = rows(tmp_path, "long.csv", *lines)
    args = {"path": path, "series_column": "who", "test_fraction": 0.3, "window": 10, "stride": 5}
    found = source("series", **args)
    sides = [
        {int(part[index][0][0]) // 100 for index in range(len(part))}  # type: ignore[arg-type]
        for part in (found.train, found.test)
    ]
    assert sides[0] | sides[1] == set(range(30))
    assert not sides[0] & sides[1]
    assert found.train_size == 18 * len(sides[0])
    assert found.keys is not None
    assert len(set(found.keys.tolist())) == len(sides[0])


def test_what_is_refitted_has_the_former_scale(tmp_path: Path) -> None:
    found = source("series", **two(tmp_path))
    before = SeriesInput(channels=None, mean=(1.0,), std=(2.0,), most=9)
    assert found.refit is not None
    assert found.refit(before).input == before


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"test_path": None}, "give data.source.args.test_path or data.source.args.test_fraction for the test set"),
        ({"test_fraction": 0.5}, "data.source.args.test_path and data.source.args.test_fraction both say what is held"),
        ({"stride": 2}, "data.source.args.stride: is for windows; give data.source.args.window"),
        ({"window": 0}, "data.source.args.window: 0 is too small; give 1 or more"),
        ({"most_steps": 3}, "line 1 has 4 steps; 1 to 3 are taken; data.source.args.window cuts longer ones"),
        ({"least_steps": 2}, "line 3 has 1 steps; 2 to 4 are taken"),
        ({"labels": ["10", "11"]}, "line 2 is of class '9', none of 10, 11"),
        ({"labels": ["9", "9"]}, "data.source.args.labels: ['9', '9'] name a class twice"),
        ({"test_path": None, "test_fraction": 1.0}, "data.source.args.test_fraction: 1.0 is not 0 or more and below 1"),
    ],
)
def test_what_does_not_go_together_is_named(args: dict[str, object], words: str, tmp_path: Path) -> None:
    given = {**two(tmp_path), **args}
    assert words in refusal(lambda: source("series", **given))


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    given = two(tmp_path)
    other = rows(tmp_path, "other.tsv", "8\t1")
    words = refusal(lambda: source("series", path=given["path"], test_path=other))
    assert words.startswith(f"{other}: line 1 is of class '8', none of 9, 10")
    wide = rows(tmp_path, "wide.ts", TS.replace("true\n", "false\n", 1) + "1:2:a")
    words = refusal(lambda: source("series", path=given["path"], test_path=wide))
    assert words == f"{wide}: has 2 channels; {given['path']} has 1"
    assert refusal(lambda: source("series", path="x.wav", test_path="y")).startswith("x.wav: .wav is none of .ts, .tsv")
    missing = str(tmp_path / "none.ts")
    assert "No such file" in refusal(lambda: source("series", path=missing, test_path=missing))
    one = rows(tmp_path, "one.tsv", "1\t2")
    assert "all of its 1 series that belong together fall on one side" in refusal(
        lambda: source("series", path=one, test_fraction=0.5)
    )
