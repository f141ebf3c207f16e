"""Pictures and their masks from folders; what does not belong together is told with its file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from torchferry.errors import UserError
from torchferry.training.data import SOURCES
from torchferry.training.data.source import Source
from torchferry.training.tasks import task_for


def write(folder: Path, name: str, size: tuple[int, int] = (30, 20), classes: int = 2) -> np.ndarray:
    """A grey picture and a mask of it, which it gives."""
    random = np.random.default_rng(len(name) + sum(map(ord, name)))
    mask = np.repeat(np.repeat(random.integers(0, classes, (size[1] // 10, size[0] // 10)), 10, 0), 10, 1)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    Image.fromarray((mask * 200 + 20).astype(np.uint8)).save(folder / "images" / f"{name}.png")
    Image.fromarray(mask.astype(np.uint8)).save(folder / "masks" / f"{name}.png")
    return mask


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in ("train", "test"):
        for number in range(4):
            write(tmp_path / split, f"{split}{number}")
    return tmp_path


def source(root: Path, **change: object) -> Source:
    args = {"labels": ["dark", "bright"], "height": 20, "width": 30, "mode": "L", "normalize": "none"}
    return SOURCES["image_masks"](root=str(root), **(args | change))


def test_a_sample_is_a_picture_and_its_mask(root: Path) -> None:
    found = source(root)

    picture, mask = found.train[0]
    assert (found.targets, found.labels, found.train_size, found.test_size) == ("masks", ("dark", "bright"), 4, 4)
    assert mask.dtype == torch.uint8
    assert torch.equal(mask, (picture[0] > 100).to(torch.uint8))


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_a_mask_is_resized_as_its_picture_is(root: Path, resize: str) -> None:
    found = source(root, height=24, width=24, resize=resize, interpolation="nearest", **(
        {"fill": [0]} if resize == "pad" else {}))  # fmt: skip

    picture, mask = found.train[1]
    shown = mask != 255
    assert torch.equal(mask[shown] == 1, picture[0][shown] > 100)
    assert shown.all() == (resize != "pad")


def test_palettes_count_by_their_numbers(root: Path) -> None:
    file = root / "train" / "masks" / "train0.png"
    before = source(root).train[0][1]
    image = Image.fromarray(before.numpy()).convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata(before.flatten().tolist())
    image.save(file)

    assert torch.equal(source(root).train[0][1], before)


def test_equal_files_are_on_one_side_of_a_split(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path, f"a{number}")
    found = source(tmp_path, test_fraction=0.3)

    assert found.train_size + found.test_size == 20
    assert 0 < found.test_size < 20


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (Image.new("L", (40, 20)), "train2.png: has 40 x 20 pixels; its picture has 30 x 20"),
        (Image.new("RGB", (30, 20)), "train2.png: is RGB; a mask has one number"),
    ],
)
def test_what_is_no_mask_of_the_picture_is_told(root: Path, harm: Image.Image, told: str) -> None:
    harm.save(root / "train" / "masks" / "train2.png")
    found = source(root)
    with pytest.raises(UserError, match=told):
        found.train[2]


def test_a_picture_without_a_mask_is_told(root: Path) -> None:
    (root / "train" / "masks" / "train1.png").unlink()
    with pytest.raises(UserError, match=r"images/train1.png: has no mask; .*masks/train1.png is expected"):
        source(root)


def test_masks_without_a_picture_and_other_files_are_said(root: Path) -> None:
    Image.new("L", (30, 20)).save(root / "train" / "masks" / "alone.png")
    (root / "train" / "images" / "notes.txt").write_text("nothing")

    assert [note.partition(": ")[2] for note in source(root).notes] == [
        "left out 1 file that is no picture: images/notes.txt",
        "left out 1 masks without a picture: alone",
    ]


@pytest.mark.parametrize(
    ("labels", "told"), [(["a"], "not two different"), (["a", "a"], "not two different"), (1, "not two")]
)
def test_labels_are_two_or_more(root: Path, labels: object, told: str) -> None:
    with pytest.raises(UserError, match=told):
        source(root, labels=labels)


def test_what_is_ignored_is_said_once_and_the_task_takes_it(root: Path) -> None:
    found = source(root, ignore_index=7, height=24, width=24, resize="pad")
    task = task_for("segmentation", {}, found)

    assert found.train[0][1].unique().tolist() == [0, 1, 7]
    assert (task.fill, task.task.settings) == (7, {"ignore_index": 7})
    with pytest.raises(UserError, match=r"^task.args.ignore_index: the data decide it"):
        task_for("segmentation", {"ignore_index": 7}, found)


@pytest.mark.parametrize(
    ("index", "resize", "told"),
    [
        (1, "squash", "1 is not from 2, the number of labels, to 256"),
        (257, "squash", "257 is not from 2, the number of labels, to 256"),
        (256, "pad", "256 is no pixel's, which bars beside a padded picture need; give less, or resize squash or crop"),
    ],
)
def test_what_is_ignored_is_no_class_and_can_be_written(root: Path, index: int, resize: str, told: str) -> None:
    with pytest.raises(UserError, match=f"^data.source.args.ignore_index: {told}"):
        source(root, ignore_index=index, resize=resize)
