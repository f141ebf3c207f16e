import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.torchferry.contract.tasks.found import LABELS, some, taken, task
from torchferry.contract.tasks.detection import Detection
from torchferry.contract.tasks.find import made, said_of, task_of
from torchferry.contract.tasks.task import NONE
from torchferry.errors import UserError


def swapped(outputs: dict[str, np.ndarray], first: int, second: int) -> dict[str, np.ndarray]:
    """With two objects of the first picture in each other's places."""
    changed = {name: values.copy() for name, values in outputs.items()}
    for name in ("boxes", "labels", "scores"):
        changed[name][0, [first, second]] = changed[name][0, [second, first]]
    return changed


def full_one() -> dict[str, np.ndarray]:
    """A picture with three objects."""
    return {
        "boxes": np.array([[[0, 0, 10, 10], [20, 20, 40, 40], [50, 0, 60, 30], [0, 0, 0, 0]]], np.float32),
        "labels": np.array([[2, 0, 2, 0]]),
        "scores": np.array([[0.9, 0.8, 0.7, 0]], np.float32),
        "count": np.array([3]),
    }


def test_words_are_its_objects_and_can_be_read_back() -> None:
    sample = {name: values[0] for name, values in full_one().items()}
    words = Detection(labels=LABELS, max_detections=4).words(sample, 1)
    assert words["objects"][0] == {"label": "owl", "score": pytest.approx(0.9), "box": [0, 0, 10, 10]}
    assert [each["label"] for each in words["objects"]] == ["owl", "cat", "owl"]
    read = Detection(labels=LABELS, max_detections=4).read(json.loads(json.dumps(words)))
    assert all((read[name] == sample[name]).all() for name in sample)


def test_its_picture_has_the_boxes() -> None:
    sample = {name: values[0] for name, values in full_one().items()}
    for picture in (np.zeros((3, 64, 64), np.uint8), np.zeros((1, 64, 64), np.uint8), None):
        drawn = Image.open(io.BytesIO(task().file("png", sample, picture)))
        assert drawn.format == "PNG"
        assert min(drawn.size) >= 240
        assert np.asarray(drawn).any()


def test_counts_are_objects_by_label_and_pictures_without_any() -> None:
    assert task().counted == (*LABELS, NONE)
    assert task().counts(full_one()).tolist() == [1, 0, 2, 0]
    assert task().counts_of({"labels": np.array([[0, 1, -1], [1, -1, -1], [-1, -1, -1]])}).tolist() == [1, 2, 0, 1]


def test_what_was_not_found_for_sure_does_not_count() -> None:
    """There is much of it, of any label, and more than of the objects that there are."""
    one = full_one()
    one["scores"] = np.array([[0.5, 0.49, np.nan, 0]], np.float32)
    assert task().counts(one).tolist() == [0, 0, 1, 0]
    one["scores"] /= 2
    assert task().counts(one).tolist() == [0, 0, 0, 1]


def test_aligned_answers_have_each_object_in_its_place_however_near_ties_fell() -> None:
    expected = full_one()
    moved = task().aligned(swapped(expected, 0, 2), expected)
    assert all((moved[name] == expected[name]).all() for name in expected)


def test_what_only_one_of_both_found_shows_in_whole_numbers_alone() -> None:
    expected, fewer = full_one(), full_one()
    for name in ("boxes", "labels", "scores"):
        fewer[name][0, 2] = 0
    fewer["count"][0] = 2
    moved = task().aligned(fewer, expected)
    assert (moved["boxes"] == expected["boxes"]).all()
    assert moved["labels"].tolist() == [[2, 0, -1, 0]]
    assert moved["count"].tolist() == [2]
    more = task().aligned(expected, fewer)
    assert more["labels"].tolist() == fewer["labels"].tolist()
    assert more["count"].tolist() == [3]


def test_agreement_is_the_share_of_the_scores_of_what_both_found() -> None:
    expected = full_one()
    assert task().agreement(swapped(expected, 0, 2), expected).tolist() == [1]
    other = full_one()
    other["labels"][0, 0] = 1
    assert task().agreement(other, expected).tolist() == [pytest.approx(1.5 / 2.4)]
    nothing = {name: np.zeros_like(values) for name, values in expected.items()}
    assert task().agreement(nothing, expected).tolist() == [0]
    assert task().agreement(nothing, nothing).tolist() == [1]
    unknown = other | {"scores": np.full_like(expected["scores"], np.nan)}
    assert task().agreement(unknown, expected).tolist() == [0]


def test_rows_of_batches_put_together_are_those_of_all_at_once() -> None:
    outputs, targets = some(30)
    whole = task().rows(outputs, targets)
    parts = []
    for places in (np.arange(10), np.arange(10, 30)):
        part = taken(targets, places)
        most = max(1, int((part["labels"] >= 0).sum(axis=1).max()))  # as each batch is padded by itself
        parts.append(task().rows(taken(outputs, places), {name: each[:, :most] for name, each in part.items()}))
    for name, values in whole.items():
        assert (np.concatenate([part[name] for part in parts]) == values).all(), name


def test_a_picture_is_wrong_where_something_is_missed_or_made_up() -> None:
    outputs = full_one()
    targets = {"boxes": outputs["boxes"][:, :3], "labels": outputs["labels"][:, :3]}
    assert [each.tolist() for each in task().mistakes(task().rows(outputs, targets))] == [[3], [False]]
    fewer = targets | {"labels": np.array([[2, 0, -1]])}
    assert task().mistakes(task().rows(outputs, fewer))[1].tolist() == [True]
    unsure = outputs | {"scores": np.array([[0.9, 0.8, 0.3, 0]], np.float32)}
    assert task().mistakes(task().rows(unsure, targets))[1].tolist() == [True]
    assert task().mistakes(task().rows(unsure, fewer))[1].tolist() == [False]


def test_settings_are_said_again_and_checked() -> None:
    said = said_of(Detection(labels=LABELS, max_detections=7))
    assert said == {"name": "detection", "max_detections": 7}
    assert task_of(said, LABELS) == Detection(labels=LABELS, max_detections=7)
    for settings, message in (
        ({"iou_threshold": 1.5}, "task.args.iou_threshold: 1.5 is not a number from 0 to 1"),
        ({"max_detections": 0}, "task.args.max_detections: 0 is not a whole number of 1 or more"),
        ({"candidates": 10}, "task.args.candidates: 10 are fewer than max_detections, 100"),
    ):
        with pytest.raises(UserError) as raised:
            made(Detection, settings, LABELS)
        assert str(raised.value) == message
