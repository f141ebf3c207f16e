from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.data.pictures.boxed import BOX, coco_content, coco_tree
from torchferry.errors import UserError
from torchferry.training.data import SOURCES
from torchferry.training.data.source import Source


def source(path: Path, **args: Any) -> Source:
    given = {"test_fraction": 0, "height": 48, "width": 96, "mode": "L", **args}
    return SOURCES["coco"](annotations=str(path), **given)


def changed(part: str, place: int, **values: Any) -> dict[str, Any]:
    content = coco_content()
    content[part][place] |= values
    return content


def test_boxes_are_those_of_the_file_and_a_picture_may_have_none(tmp_path: Path) -> None:
    found = source(coco_tree(tmp_path))
    assert found.labels == ("other", "white")  # by their ids
    assert found.targets == "boxes"
    targets = [found.train[index][1] for index in range(4)]
    assert [each["boxes"].tolist() for each in targets] == [[], *[[list(map(float, BOX))]] * 3]
    assert [each["labels"].tolist() for each in targets] == [[], [1], [1], [1]]
    assert found.damaged == ()


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_boxes_move_with_the_picture(tmp_path: Path, resize: str) -> None:
    picture, target = source(coco_tree(tmp_path), height=64, width=64, resize=resize).train[1]
    ink = np.argwhere(picture[0].numpy() >= 128)
    shown = [*ink.min(axis=0)[::-1], *(ink.max(axis=0)[::-1] + 1)]
    assert np.abs(target["boxes"][0].numpy() - shown).max() <= 1


def test_the_classes_that_are_looked_for_can_be_named(tmp_path: Path) -> None:
    path = coco_tree(tmp_path)
    assert source(path, labels=["white"]).train[1][1]["labels"].tolist() == [0]
    other = source(path, labels=["other"])
    assert other.notes[0] == f"{path}: left out 3 objects of other categories"
    with pytest.raises(UserError, match="has no category whit; did you mean white"):
        source(path, labels=["whit"])


def test_a_test_set_has_a_file_of_its_own_or_is_a_part_by_content(tmp_path: Path) -> None:
    path, other = coco_tree(tmp_path / "a"), coco_tree(tmp_path / "b")
    apart = source(path, test_fraction=None, test_annotations=str(other), test_pictures=str(other.parent), limit=2)
    assert (apart.train_size, apart.test_size) == (2, 2)
    assert apart.test[1][1]["labels"].tolist() == [1]
    part = source(path, test_fraction=0.5)
    assert part.train_size + part.test_size == 4
    for args, words in (({"test_fraction": None}, "neither is given"), ({"test_annotations": str(other)}, "both are")):
        with pytest.raises(UserError, match=words):
            source(path, **args)


def test_crowds_are_left_out_and_said(tmp_path: Path) -> None:
    path = coco_tree(tmp_path, changed("annotations", 0, iscrowd=1))
    found = source(path)
    assert found.notes[0] == f"{path}: left out 1 crowds"
    assert found.train[1][1]["labels"].tolist() == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"bbox": [20, 10, 0, 20]}, "its bbox [20, 10, 0, 20] has no area"),
        ({"bbox": [90, 10, 20, 20]}, "its bbox [90, 10, 20, 20] is outside of the picture, which is 96 x 48"),
        ({"bbox": [90, 10, 20]}, "its bbox is [90, 10, 20], not [x, y, width, height]"),
        ({"bbox": [90, 10, "1", 20]}, "its bbox is [90, 10, '1', 20], not [x, y, width, height]"),
        ({"bbox": [float("nan"), 10, 4, 20]}, "its bbox [nan, 10, 4, 20] is not finite"),
    ],
)
def test_a_box_that_cannot_be_is_damage_with_its_id(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    path = coco_tree(tmp_path, changed("annotations", 2, **values))
    found = source(path)
    assert found.damaged == (f"{path}: annotation 3: {words}",)
    assert found.train[3][1]["labels"].tolist() == []


def test_a_box_a_little_beyond_the_picture_is_cut_off(tmp_path: Path) -> None:
    found = source(coco_tree(tmp_path, changed("annotations", 0, bbox=[90, 10, 6.5, 20])))
    assert found.damaged == ()
    assert found.train[1][1]["boxes"].tolist() == [[90, 10, 96, 30]]


@pytest.mark.parametrize(
    ("part", "values", "words"),
    [
        ("annotations", {"id": 3}, r"annotations\[2\]: the id 3 is there twice"),
        ("images", {"id": 13}, r"images\[3\]: the id 13 is there twice"),
        ("categories", {"id": 3}, r"categories\[1\]: the id 3 is there twice"),
        ("categories", {"name": "other"}, "two categories are called other"),
        ("annotations", {"category_id": 9}, "annotation 1: there is no category 9"),
        ("annotations", {"image_id": 9}, "annotation 1: there is no picture 9"),
        ("images", {"file_name": None}, r"images\[0\] \(id 10\) has no file_name"),
    ],
)
def test_ids_that_cannot_be_are_refused(tmp_path: Path, part: str, values: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        source(coco_tree(tmp_path, changed(part, 0, **values)))


def test_missing_pictures_are_damage_and_all_of_them_an_error(tmp_path: Path) -> None:
    path = coco_tree(tmp_path)
    (tmp_path / "2.png").unlink()
    assert source(path).damaged == (f"{path}: 1 of its 4 pictures are not there, such as {tmp_path / '2.png'}",)
    with pytest.raises(UserError, match="none of its pictures is in"):
        source(path, pictures=str(tmp_path / "elsewhere"))


@pytest.mark.parametrize(
    ("text", "words"), [("[", "is no JSON"), ("[]", "has no list 'images'"), ('{"images": []}', "has no list 'ann")]
)
def test_a_file_of_another_format_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        source(path)
    with pytest.raises(UserError, match="No such file"):
        source(tmp_path / "nowhere.json")
