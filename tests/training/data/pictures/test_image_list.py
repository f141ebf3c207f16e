"""One flat folder, or any files, with a CSV of path and label, as competitions ship them."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from tests.training.data.sources import noise, refusal, source
from torchferry.training.data.source import Source
from torchferry.training.errors import CorruptSample

SIZE = {"height": 12, "width": 10}
FOUR = "path,label\nimg/0.png,cat\nimg/1.png,ant\nimg/2.png,cat\nimg/3.png,ant\n"


def pictures(folder: Path, count: int = 4) -> Path:
    (folder / "img").mkdir()
    for number in range(count):
        noise(number).save(folder / "img" / f"{number}.png")
    return folder


def listed(folder: Path, text: str, **args: object) -> Source:
    (folder / "list.csv").write_text(text)
    return source("image_list", path=str(folder / "list.csv"), **{**SIZE, **args})


def names(found: Source) -> tuple[list[str], list[str]]:
    train, test = (
        [os.fsdecode(files.name(index)) for index in range(len(files))]
        for files in (found.train.files, found.test.files)  # type: ignore[attr-defined]
    )
    return train, test


def test_a_column_tells_training_from_test(tmp_path: Path) -> None:
    rows = "0,cat,train\n1,ant,train\n2,cat,test\n3,ant,val\n"
    found = listed(pictures(tmp_path), f"id,class,split\n{rows}", root=str(tmp_path / "img"), suffix=".png")
    assert (found.labels, found.train_size, found.test_size) == (("ant", "cat"), 2, 1)
    image, target = found.train[0]
    assert int(target) == 1
    np.testing.assert_array_equal(image.numpy(), np.asarray(noise(0)).transpose(2, 0, 1))
    assert int(found.test[0][1]) == 1
    path = tmp_path / "list.csv"
    assert found.notes == (f"{path}: left out 1 of split 'val'", f"{tmp_path}/img: has no picture of ant to test on")
    assert found.listings["train"].samples == 2


def test_a_fraction_is_held_out_by_content(tmp_path: Path) -> None:
    pictures(tmp_path, 40)
    text = "file;label\n" + "".join(f"img/{number}.png;{'ab'[number % 2]}\n" for number in range(40))
    train, test = names(listed(tmp_path, text, test_fraction=0.3))
    assert len(train) + len(test) == 40
    assert 4 <= len(test) <= 20
    noise(99).save(tmp_path / "img" / "new.png")
    grown, held = names(listed(tmp_path, text + "img/new.png;a\n", test_fraction=0.3))
    assert set(held) - {"img/new.png"} == set(test)
    assert set(grown) - {"img/new.png"} == set(train)


def test_the_test_set_may_have_a_list_of_its_own(tmp_path: Path) -> None:
    pictures(tmp_path)
    with gzip.open(tmp_path / "test.tsv.gz", "wt") as file:
        file.write("path\tlabel\nimg/3.png\tcat\n")
    text = "path,label\nimg/0.png,cat\nimg/1.png,ant\n"
    found = listed(tmp_path, text, test_path=str(tmp_path / "test.tsv.gz"))
    assert names(found) == (["img/0.png", "img/1.png"], ["img/3.png"])
    words = refusal(lambda: listed(tmp_path, FOUR, test_path=str(tmp_path / "test.tsv.gz")))
    assert words == "img/3.png is in both lists, in line 5 to train on and in line 2 to test on"


def test_numbers_as_labels_are_sorted_by_value_and_given_ones_as_given(tmp_path: Path) -> None:
    pictures(tmp_path)
    text = "path,label,split\nimg/0.png,10,train\nimg/1.png,9,train\nimg/2.png,10,test\n"
    assert listed(tmp_path, text).labels == ("9", "10")
    given = listed(tmp_path, text, labels=["10", "9"])
    assert (given.labels, int(given.train[0][1])) == (("10", "9"), 0)
    words = refusal(lambda: listed(tmp_path, text, labels=["10", "19"]))
    assert words.endswith("list.csv: line 3: 9 is none of the classes 10, 19; did you mean 19?")


def test_a_file_that_is_not_there_is_named_and_is_a_corrupt_sample(tmp_path: Path) -> None:
    pictures(tmp_path)
    text = "path,label,split\nimg/0.png,a,train\nimg/9.png,a,train\nimg/1.png,b,train\nimg/2.png,b,test\n"
    found = listed(tmp_path, text)
    assert found.damaged == (f"{tmp_path}/list.csv: 1 of its 3 files are not there: line 3, {tmp_path}/img/9.png",)
    with pytest.raises(CorruptSample, match=r"img/9.png: cannot be read: No such file"):
        found.train[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "img/0,cat\nimg/1,ant\n",
            "none of its files is in {}, such as img/0; data.source.args.suffix .png would find",
        ),
        ("0.png,cat\n1.png,ant\n", "none of its files is in {}, such as 0.png; data.source.args.root names their fol"),
        ("img\\0.png,cat\n", "none of its files is in {}, such as img\\0.png; write its path with / instead of \\"),
    ],
)
def test_how_files_would_be_found_is_said(text: str, words: str, tmp_path: Path) -> None:
    pictures(tmp_path)
    found = refusal(lambda: listed(tmp_path, f"path,label\n{text}", test_fraction=0.5))
    assert found.startswith(f"{tmp_path}/list.csv: {words.format(tmp_path)}")


@pytest.mark.parametrize(
    ("text", "args", "words"),
    [
        (
            FOUR,
            {},
            "has no column split; give data.source.args.test_path or data.source.args.test_fraction for the tes",
        ),
        (FOUR, {"test_fraction": 1.5}, "data.source.args.test_fraction: 1.5 is not 0 or more and below 1"),
        ("path,label,split\nimg/0.png,a,train\n", {"test_fraction": 0.5}, "both say what is held out; leave one of"),
        (
            "path,label,split\nimg/0.png,a,train\n",
            {},
            "no row has split 'test'; it has 'train'; data.source.args.test na",
        ),
        ("path,label,split\nimg/0.png,a,Test\n", {}, "no row has split 'train'; it has 'Test'"),
        (FOUR, {"labels": ["cat", "cat"], "test_fraction": 0.5}, "name a class twice"),
    ],
)
def test_what_is_held_out_has_to_be_said_once(text: str, args: dict, words: str, tmp_path: Path) -> None:
    pictures(tmp_path)
    assert words in refusal(lambda: listed(tmp_path, text, **args))
