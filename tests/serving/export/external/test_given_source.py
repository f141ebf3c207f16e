"""A source's samples are as the one input says, and the task's, or are refused with what is wrong."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from tests.serving.export.tiny_reference import half
from torchferry.contract.tasks import TASKS
from torchferry.contract.tasks.find import made
from torchferry.errors import UserError
from torchferry.serving.export.external.given_source import read_source
from torchferry.serving.export.external.input_spec import GivenInput, read_input
from torchferry.training.data.source import ImageInput, Source
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import TrainingTask

MASKS = "{{name: image_masks, args: {{root: {root}, labels: [ground, thing], test_fraction: 0}}}}"


def read(words: str, **picture: object) -> list[GivenInput]:
    return [read_input(words, 0, {"normalize": "none", **picture})]


def source(text: str, words: str, task: str, **picture: object) -> Source:
    return read_source(text, read(words, **picture), half(task))[0]


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Two pictures of 8 x 4, white on the right, where the mask says 1."""
    right = np.zeros((4, 8), np.uint8)
    right[:, 4:] = 1
    for name in ("one", "two"):
        for folder, pixels in (("images", 255 * right), ("masks", right)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / folder / f"{name}.png")
    return tmp_path


def test_pictures_and_masks_are_made_as_the_input_says(masks: Path) -> None:
    found = source(MASKS.format(root=masks), "image:L:2x4", "segmentation", interpolation="nearest")
    picture, mask = found.test[0]
    assert (picture[0] // 255).tolist() == mask.tolist() == [[0, 0, 1, 1]] * 2
    assert found.labels == ("ground", "thing")
    assert isinstance(found.input, ImageInput)
    assert found.input.interpolation == "nearest"


def test_boxes_are_those_of_the_picture_that_the_model_takes(masks: Path) -> None:
    said = {
        "images": [{"id": 1, "file_name": "images/one.png", "width": 8, "height": 4}],
        "categories": [{"id": 7, "name": "thing"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [4, 0, 4, 4]}],
    }
    (masks / "boxes.json").write_text(json.dumps(said))
    text = f"{{name: coco, args: {{annotations: {masks / 'boxes.json'}, test_fraction: 0}}}}"
    _, target = source(text, "image:L:2x4", "detection").test[0]
    assert target["boxes"].tolist() == [[2, 0, 4, 2]]
    said["annotations"] = [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [4, 0, 4, 0]}]
    (masks / "boxes.json").write_text(json.dumps(said))
    with pytest.raises(UserError, match=r"^--source: .*boxes.json: annotation 1: its bbox .* has no area"):
        source(text, "image:L:2x4", "detection")


def test_rows_of_a_table_become_the_networks_float32() -> None:
    text = "{name: table, args: {columns: {a: [1, 2, 3, 4], b: [5, 6, 7, 8]}, target: b, test_fraction: 0.5}}"
    found = source(text, "table:1", "regression")
    assert isinstance(found.test, TensorDataset)
    assert (found.test.tensors[0].dtype, found.labels) == (torch.float32, ("b",))


def test_heads_are_in_the_order_in_which_the_source_holds_their_targets() -> None:
    heads = {"ink": {"name": "regression"}, "digit": {"name": "classification"}}
    task = half_of(made(TASKS["heads"], {"heads": heads}, ()))
    _, found = read_source("digits", read("image:L:8"), task)
    assert list(found.halves) == ["digit", "ink"]


def heads(**names: str) -> TrainingTask:
    said = {head: {"name": name} for head, name in names.items()}
    return half_of(made(TASKS["heads"], {"heads": said}, ()))


@pytest.mark.parametrize(
    ("text", "words", "task", "refused"),
    [
        ("digits", "image:L:8", half("segmentation"), "--task: takes masks, --source gives classes"),
        ("digits", "image:L:9", half("classification"), "; --input image:L:9 is L pictures of 9 x 9"),
        ("digits", "image:8", half("classification"), "--source: gives L pictures of 8 x 8"),
        ("digits", "table:64", half("classification"), "--source: gives L pictures of 8 x 8"),
        ("digit", "image:L:8", half("classification"), "--source.name: there is no 'digit'; did you mean digits?"),
        ("{name: digits, args: {resize: pad}}", "image:L:8", half("classification"),
         "--source: resize is what --input and the options beside it say; leave it out"),
        ("digits", "image:L:8", heads(digits="classification", ink="regression"),
         "--task-args.heads.digits: has no targets; did you mean digit?"),
        ("digits", "image:L:8", heads(digit="classification"), "--task-args.heads: --source has targets for ink too"),
        ("digits", "image:L:8", heads(digit="regression", ink="regression"), "regression takes float targets"),
        ("coco", "table:8", half("detection"), "--source: coco gives pictures; --input table:8 is none"),
        ("[", "image:L:8", half("classification"), "--source: is no YAML"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(text: str, words: str, task: TrainingTask, refused: str) -> None:
    with pytest.raises(UserError, match=re.escape(refused)):
        read_source(text, read(words), task)


def test_it_is_for_one_input() -> None:
    two = [*read("image:L:8"), read_input("image:L:8", 1, {"normalize": "none"})]
    with pytest.raises(UserError, match=r"--source: is for a model of one input; give an .npz file with --eval-data"):
        read_source("digits", two, half("classification"))
