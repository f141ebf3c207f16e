"""Files that pairs call the same are one class; listed pairs are told to the task that is judged by them."""

import re
from pathlib import Path

import pytest

from tests.training.data.sources import noise, source
from torchferry.errors import UserError
from torchferry.training.data.source import Source

SIZE = {"height": 12, "width": 10}
TRAIN, TEST = (
    "file1,file2,same\n0.png,1.png,1\n2.png,1.png,1\n0.png,3.png,0\n",
    "file1,file2,same\n4.png,5.png,1\n4.png,6.png,0\n",
)


def listed(folder: Path, train: str = TRAIN, test: str = TEST, **args: object) -> Source:
    for number in range(7):
        noise(number).save(folder / f"{number}.png")
    (folder / "train.csv").write_text(train)
    (folder / "test.csv").write_text(test)
    return source("image_pairs", path=str(folder / "train.csv"), test_path=str(folder / "test.csv"), **{**SIZE, **args})


def test_files_that_are_the_same_by_way_of_others_are_one_class(tmp_path: Path) -> None:
    found = listed(tmp_path)
    assert (found.targets, found.train_size, found.test_size) == ("classes", 4, 3)
    assert [int(found.train[index][1]) for index in range(4)] == [0, 0, 0, 1]
    assert [int(found.test[index][1]) for index in range(3)] == [2, 2, 3]
    assert found.labels == ("2.png", "3.png", "4.png", "6.png")


def test_pairs_are_two_samples_one_after_the_other(tmp_path: Path) -> None:
    found = listed(tmp_path, targets="pairs")
    assert (found.targets, found.train_size, found.test_size) == ("pairs", 6, 4)
    assert [found.test[index][1].tolist() for index in range(4)] == [[2, 0, 1], [2, 0, 1], [2, 1, 0], [3, 1, 0]]
    assert found.test[0][0].shape == (3, 12, 10)


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        (
            TRAIN + "2.png,0.png,0\n",
            TEST,
            "train.csv: line 5: 2.png and 0.png are different here, and the same by other",
        ),
        (TRAIN, TEST + "0.png,5.png,1\n", "0.png is in both lists,"),
        (TRAIN, TEST + "4.png,9.png,1\n", "test.csv: line 4: there is no file"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, train: str, test: str, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        listed(tmp_path, train, test)
