from pathlib import Path
from typing import Any

import pytest

from tests.training.data.pictures.boxed import BOX, yolo_tree
from torchferry.errors import UserError
from torchferry.training.data import SOURCES
from torchferry.training.data.source import Source


def source(path: Path, **args: Any) -> Source:
    return SOURCES["yolo"](path=str(path), **{"height": 48, "width": 96, "mode": "L", **args})


def test_boxes_are_those_of_the_files_and_a_picture_may_have_none(tmp_path: Path) -> None:
    found = source(yolo_tree(tmp_path))
    assert found.labels == ("other", "white")
    targets = [found.test[index][1] for index in range(4)]
    assert [each["labels"].tolist() for each in targets] == [[], [1], [1], [1]]
    assert targets[1]["boxes"][0].tolist() == pytest.approx(BOX, abs=1e-4)
    assert found.notes == (f"{tmp_path}/images: no picture to train on has a other",)


def test_a_part_can_be_held_out_by_content(tmp_path: Path) -> None:
    found = source(yolo_tree(tmp_path) / "data.yaml", test_fraction=0.5)
    assert found.train_size + found.test_size == 4
    assert source(tmp_path, limit=1).train_size == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1 0.5 0.5 0.1", "has 4 columns; 5 are expected: class, x, y, width, height"),
        ("1 0.5 0.5 0.1 0.1 0.9", "has 6 columns; 5 are expected: class, x, y, width, height"),
        ("2 0.5 0.5 0.1 0.1", "class 2 is none of the 2, 0 to 1"),
        ("white 0.5 0.5 0.1 0.1", "'white 0.5 0.5 0.1 0.1' are not numbers: class, x, y, width, height"),
        ("1 0.5 0.5 0.1 0", "its box has no area"),
        ("1 0.95 0.5 0.2 0.1", "its box is outside of the picture, whose sides count as 1"),
        ("1 nan 0.5 0.2 0.1", "its box is not finite"),
    ],
)
def test_a_line_that_cannot_be_is_damage_with_its_number(tmp_path: Path, line: str, words: str) -> None:
    found = source(yolo_tree(tmp_path, line))
    assert found.damaged == (f"{tmp_path}/labels/train/1.txt: line 2: {words}",)
    assert found.train[1][1]["labels"].tolist() == [1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train: images/train", r"names are None; a list of the classes is expected"),
        ("train: images/train\nnames: [a, a]", "two classes are called a"),
        ("training: images/train\nnames: [a]", "has no folder 'train', but training"),
        ("train: nowhere\nval: images/val\nnames: [a]", "nowhere is no folder"),
        ("- a", "has no keys"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_data_yaml_of_another_form_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (yolo_tree(tmp_path) / "data.yaml").write_text(text)
    with pytest.raises(UserError, match=words):
        source(tmp_path)
    with pytest.raises(UserError, match=r"a data\.yaml with names and folders is expected"):
        source(tmp_path / "nowhere.yaml")
