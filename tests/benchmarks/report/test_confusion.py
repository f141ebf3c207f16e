"""The confusion matrix of a run: what is read, what is refused, and what it shows."""

from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.report.parsed import Page
from torchferry.benchmarks.report.confusion import Confusion, draw, read_confusion
from torchferry.errors import UserError


def confusion(folder: Path, text: str) -> Path:
    path = folder / "confusion.csv"
    path.write_text(text)
    return path


def test_a_file_is_read_as_the_trainer_writes_it(tmp_path: Path) -> None:
    path = confusion(tmp_path, 'true,cat,"dog, big"\ncat,3,1\n"dog, big",2,4\n')
    assert read_confusion(path) == Confusion(("cat", "dog, big"), ((3, 1), (2, 4)))
    assert read_confusion(tmp_path / "nowhere.csv") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("true,a,b\na,1,2\n", "it has not as many lines as columns"),
        ("true,a,b\na,1,2\nb,3\n", "it has not as many lines as columns"),
        ("true\n", "it has not as many lines as columns"),
        ("true,a\na,-1\n", "it has a count below 0"),
        ("true,a\na,many\n", "invalid literal"),
        ("", "ValueError"),
    ],
)
def test_another_file_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"confusion\.csv: is not as this version .*{words}"):
        read_confusion(confusion(tmp_path, text))


def test_mistakes_come_by_their_number() -> None:
    found = Confusion(("a", "b", "c"), ((9, 1, 0), (3, 9, 2), (0, 0, 9)))
    assert found.mistakes() == [(1, 0, 3), (1, 2, 2), (0, 1, 1)]
    page = Page(draw(found))
    assert page.table("The most frequent mistakes")[1] == ["b", "a", "3", "21.43 %"]
    assert page.all("figcaption")[0][1].endswith("6 of 33 test samples were taken for another label.")


def test_a_cell_is_the_stronger_the_larger_its_share_of_the_true_label() -> None:
    page = Page(draw(Confusion(("a", "b"), ((1, 99), (0, 0)))))
    assert page.all("table")[0][0]["class"] == "matrix"
    cells = [given["class"] for given, _ in page.all("td")[:4]]
    assert cells == ["n right k1", "n wrong k5", "n wrong k0", "n right k0"]


def test_a_matrix_of_many_labels_is_a_list_of_mistakes() -> None:
    labels = tuple(f"label {number}" for number in range(21))
    counts = np.eye(21, dtype=int) * 5
    counts[3, 7] = 4
    page = Page(draw(Confusion(labels, tuple(map(tuple, counts.tolist())))))
    assert page.table("The most frequent mistakes")[1:] == [["label 3", "label 7", "4", "44.44 %"]]
    assert not [given for given, _ in page.all("table") if given.get("class") == "matrix"]


def test_two_labels_of_one_name_are_two_rows(tmp_path: Path) -> None:
    found = read_confusion(confusion(tmp_path, "true,crane,crane\ncrane,3,2\ncrane,0,0\n"))
    assert found
    page = Page(draw(found))
    assert page.table("The most frequent mistakes")[1:] == [["crane", "crane", "2", "40.00 %"]]
    assert [row[2] for row in page.table("Each label of the test set")[1:]] == ["60.00 %", "–"]
