import pickle
from pathlib import Path

import pytest
from PIL import Image

from tests.training.data.pictures.boxed import HEIGHT, WIDTH, coco_content, coco_tree, pictures
from torchferry.errors import UserError
from torchferry.training.data import SOURCES
from torchferry.training.data.pictures.boxed_files import BoxedFiles
from torchferry.training.errors import CorruptSample


def test_boxes_are_in_the_upright_picture_unless_told_otherwise(tmp_path: Path) -> None:
    path = coco_tree(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    pictures(tmp_path, exif=exif)
    args = {"annotations": str(path), "test_fraction": 0, "height": 48, "width": 96, "mode": "L"}
    with pytest.raises(CorruptSample, match=f"{HEIGHT} x {WIDTH} pixels, and its boxes are in a picture of {WIDTH} x "
                       f"{HEIGHT}; exif: ignore takes it as it is stored"):  # fmt: skip
        SOURCES["coco"](**args).train[1]
    assert SOURCES["coco"](**args, exif="ignore").train[1][1]["boxes"].tolist() == [[20, 10, 60, 30]]


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = coco_tree(tmp_path)
    (tmp_path / "1.png").write_bytes(b"no picture")
    found = SOURCES["coco"](annotations=str(path), test_fraction=0, height=48, width=96)
    with pytest.raises(CorruptSample, match=r"1\.png: cannot be read as an image"):
        found.train[1]
    (tmp_path / "1.png").unlink()
    with pytest.raises(CorruptSample, match=r"1\.png: cannot be read: No such file"):
        found.train[1]


def test_much_damage_is_said_in_a_few_lines(tmp_path: Path) -> None:
    content = coco_content()
    content["annotations"] = [content["annotations"][0] | {"id": n, "bbox": [0, 0, 0, 0]} for n in range(30)]
    found = SOURCES["coco"](annotations=str(coco_tree(tmp_path, content)), test_fraction=0, height=48, width=96)
    assert len(found.damaged) == 11
    assert found.damaged[-1] == "and 20 more of these"


def test_a_loader_process_gets_arrays_and_keys_go_by_content(tmp_path: Path) -> None:
    found = SOURCES["coco"](annotations=str(coco_tree(tmp_path)), test_fraction=0, height=48, width=96)
    again = pickle.loads(pickle.dumps(found.train))
    assert again[1][1]["boxes"].tolist() == found.train[1][1]["boxes"].tolist()
    assert isinstance(found.train, BoxedFiles)
    keys = found.train.keys()
    (tmp_path / "0.png").write_bytes((tmp_path / "1.png").read_bytes())
    assert found.train.keys()[0] == keys[1]


def test_an_empty_side_is_an_error(tmp_path: Path) -> None:
    path = coco_tree(tmp_path)
    with pytest.raises(UserError, match="no picture is listed to test on"):
        SOURCES["coco"](annotations=str(path), test_fraction=0.0001, height=48, width=96)
    with pytest.raises(UserError, match="test_fraction: 1 is not 0 or more and below 1"):
        SOURCES["coco"](annotations=str(path), test_fraction=1, height=48, width=96)
