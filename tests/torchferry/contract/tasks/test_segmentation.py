"""Segmentation: what a mask says, how it is written and read again, and what it is worth."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix, jaccard_score

from torchferry.contract.tasks.segmentation import PALETTE, Segmentation
from torchferry.errors import UserError

TASK = Segmentation(labels=("ground", "road", "sky"))
RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.integers(0, 3, (6, 5, 4), dtype=np.uint8)
ANSWERED = np.where(RANDOM.random(TRUTH.shape) < 0.7, TRUTH, RANDOM.integers(0, 3, TRUTH.shape, dtype=np.uint8))
OUTPUTS = {"classes": ANSWERED}


def test_words_say_shares_and_runs_and_are_read_again() -> None:
    said = json.loads(json.dumps(TASK.words({"classes": ANSWERED[0]}, 5)))

    assert said["size"] == [5, 4]
    assert sum(said["shares"].values()) == pytest.approx(1)
    assert said["shares"]["road"] == (ANSWERED[0] == 1).mean()
    assert np.array_equal(TASK.read(said)["classes"], ANSWERED[0])
    assert set(TASK.schema()) == set(said)


def test_runs_of_another_size_are_told() -> None:
    with pytest.raises(ValueError, match="19 pixels, not 20"):
        TASK.read({"runs": [0, 19], "size": [5, 4]})


def test_a_png_has_the_classes_for_pixels_and_colours_to_look_at() -> None:
    assert dict(TASK.files) == {"png": "image/png"}
    with Image.open(io.BytesIO(TASK.file("png", {"classes": ANSWERED[0]}, None))) as opened:
        assert np.array_equal(np.asarray(opened), ANSWERED[0])
        assert (opened.getpalette() or [])[:6] == [0, 0, 0, 128, 0, 0]
    assert len({tuple(PALETTE[place : place + 3]) for place in range(0, 768, 3)}) == 256


def test_metrics_are_those_of_scikit_learn_without_the_pixels_that_are_ignored() -> None:
    truth = TRUTH.copy()
    truth[:, 0] = 255
    judged = truth != 255
    values = TASK.measure(TASK.rows(OUTPUTS, truth))

    each = jaccard_score(truth[judged], ANSWERED[judged], average=None)
    assert values["miou"] == pytest.approx(each.mean())
    assert [values[f"iou/{label}"] for label in TASK.labels] == pytest.approx(each.tolist())
    assert values["pixel_accuracy"] == pytest.approx((truth[judged] == ANSWERED[judged]).mean())
    sums = TASK.sums(TASK.rows(OUTPUTS, truth))
    confusion = confusion_matrix(truth[judged], ANSWERED[judged])
    assert np.array_equal(sums["truth"], confusion.sum(axis=1))
    assert np.array_equal(sums["answered"], confusion.sum(axis=0))
    assert np.array_equal(sums["right"], confusion.diagonal())


def test_sums_of_parts_are_the_sums_of_the_whole() -> None:
    parts = [TASK.sums(TASK.rows({"classes": ANSWERED[part]}, TRUTH[part])) for part in (slice(0, 2), slice(2, 6))]

    whole = TASK.sums(TASK.rows(OUTPUTS, TRUTH))
    assert all(np.array_equal(parts[0][name] + parts[1][name], whole[name]) for name in whole)


def test_a_score_counts_samples_as_often_as_they_are_drawn() -> None:
    rows, times = TASK.rows(OUTPUTS, TRUTH), np.array([2, 0, 1, 0, 3, 0])
    drawn = {name: np.repeat(values, times, axis=0) for name, values in rows.items()}

    assert TASK.score(rows, times) == pytest.approx(TASK.measure(drawn)["miou"])
    assert TASK.score(rows) == pytest.approx(TASK.measure(rows)["miou"])


def test_a_class_that_is_nowhere_counts_for_nothing() -> None:
    there = np.zeros((1, 2, 2), np.uint8)
    values = TASK.measure(TASK.rows({"classes": there}, there))

    assert values["miou"] == 1
    assert np.isnan(values["iou/sky"])
    assert np.isnan(TASK.measure(TASK.rows({"classes": there}, there + 255))["miou"])


def test_counts_are_shares_of_each_picture() -> None:
    counts = TASK.counts(OUTPUTS)

    assert counts.sum() == pytest.approx(6)
    assert counts[1] == pytest.approx((ANSWERED == 1).mean(axis=(1, 2)).sum())
    assert TASK.counts_of(np.full((1, 2, 2), 255)).tolist() == [0, 0, 0]


def test_agreement_is_the_share_of_pixels_and_mistakes_are_pictures_with_many_wrong_ones() -> None:
    assert TASK.agreement(OUTPUTS, {"classes": TRUTH}) == pytest.approx((ANSWERED == TRUTH).mean(axis=(1, 2)))
    classes, wrong = TASK.mistakes(TASK.rows({"classes": TRUTH}, TRUTH))
    assert not classes.any()
    assert not wrong.any()
    assert TASK.mistakes(TASK.rows({"classes": (TRUTH + 1) % 3}, TRUTH))[1].all()


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"ignore_index": 2}, "2 is not from 3"), ({"ignore_index": 300}, "300 is not from 3")],
)
def test_an_ignored_class_is_none_of_the_labels(settings: dict[str, int], told: str) -> None:
    with pytest.raises(UserError, match=told):
        Segmentation(labels=TASK.labels, **settings)


def test_more_labels_than_a_pixel_can_tell_apart_are_refused() -> None:
    with pytest.raises(UserError, match="ignore_index: leaves 255 of a pixel's 256 numbers; there are 256 labels"):
        Segmentation(labels=tuple(map(str, range(256))))


def test_what_was_not_shown_is_no_share_of_any_class() -> None:
    mask = np.array([[255, 0, 1, 255], [255, 0, 0, 255]], np.uint8)
    said = TASK.words({"classes": mask}, 1)
    assert said["shares"] == {"ground": 0.75, "road": 0.25, "sky": 0}
    assert np.array_equal(TASK.read(said)["classes"], mask)
    nothing = TASK.words({"classes": np.full((2, 2), 255, np.uint8)}, 1)
    assert set(nothing["shares"].values()) == {0}


@pytest.mark.parametrize(("labels", "ignored", "masks"), [(3, 255, 255), (3, 7, 7), (255, 256, 255), (256, 256, None)])
def test_what_was_not_shown_has_a_number_that_is_no_class(labels: int, ignored: int, masks: int | None) -> None:
    task = Segmentation(labels=tuple(map(str, range(labels))), ignore_index=ignored)
    assert task.masks == ({} if masks is None else {"classes": masks})
