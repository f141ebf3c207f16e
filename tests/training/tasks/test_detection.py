from typing import Any

import numpy as np
import pytest
import torch

from torchferry.contract.tasks.detection import Detection as DetectionTask
from torchferry.errors import UserError
from torchferry.training.data import SOURCES
from torchferry.training.tasks import half_of, task_for
from torchferry.training.tasks.detection import Detection

LABELS = ("cat", "dog")


def task(**settings: Any) -> Detection:
    few: dict[str, Any] = {"max_detections": 4, "candidates": 6}
    made = half_of(DetectionTask(labels=LABELS, **few | settings))
    assert isinstance(made, Detection)
    return made


def raw(boxes: list[list[float]], scores: list[list[float]]) -> dict[str, torch.Tensor]:
    """Of one picture."""
    given = torch.tensor([boxes], dtype=torch.float32)
    return {"boxes": given, "logits": torch.tensor([scores]).logit(), "anchors": given}


def answered(given: dict[str, torch.Tensor], **settings: Any) -> dict[str, np.ndarray]:
    return {name: each.numpy()[0] for name, each in task(**settings).answers(given).items()}


def test_answers_are_the_best_of_each_label_without_the_overlapping_ones() -> None:
    near, far = [0.0, 0, 10, 10], [50.0, 50, 60, 60]
    given = raw([near, [0.0, 0, 10, 9], far], [[0.9, 0.3], [0.8, 0.02], [0.02, 0.7]])
    found = answered(given)
    assert found["count"] == 3
    assert found["labels"].tolist() == [0, 1, 1, 0]
    assert found["scores"].tolist() == pytest.approx([0.9, 0.7, 0.3, 0])
    assert found["boxes"].tolist() == [near, far, near, [0, 0, 0, 0]]
    assert answered(given, max_detections=1)["boxes"].tolist() == [near]
    assert answered(given, score_threshold=0.5)["count"] == 2
    assert answered(given, iou_threshold=0.95)["count"] == 4


def test_fewer_candidates_than_detections_are_padded_and_none_are_zeros() -> None:
    found = answered(raw([[0.0, 0, 10, 10]], [[0.01, 0.02]]), max_detections=5)
    assert found["count"] == 0
    assert not any(found[name].any() for name in ("boxes", "labels", "scores"))
    assert found["boxes"].shape == (5, 4)


def test_a_candidate_may_have_a_box_for_each_label() -> None:
    given = raw([[0.0, 0, 10, 10], [50.0, 50, 60, 60]], [[0.9, 0.3], [0.02, 0.7]])
    for_each = torch.stack([given["boxes"], given["boxes"] + 20], dim=2)
    task().check_outputs(given | {"boxes": for_each}, 1)
    found = answered(given | {"boxes": for_each})
    assert found["labels"].tolist() == [0, 1, 1, 0]
    assert found["boxes"][:3].tolist() == [[0, 0, 10, 10], [70, 70, 80, 80], [20, 20, 30, 30]]
    with pytest.raises(UserError, match=r"its boxes are \[1, 2, 3, 4\], not \[batch, candidates, 2, 4\]"):
        task().check_outputs(given | {"boxes": torch.zeros(1, 2, 3, 4)}, 1)


@pytest.mark.parametrize("name", ["boxes", "logits"])
def test_a_picture_with_a_nan_has_one_object_of_nan(name: str) -> None:
    one = raw([[0.0, 0, 10, 10], [50.0, 50, 60, 60]], [[0.9, 0.3], [0.02, 0.7]])
    both = {each: values.repeat(2, *(1 for _ in values.shape[1:])) for each, values in one.items()}
    both[name][1, 1, 0] = torch.nan
    found, alone = task().answers(both), task().answers(one)
    assert all(torch.equal(found[each][0], alone[each][0]) for each in alone)
    assert found["count"].tolist() == [3, 1]
    assert found["boxes"][1, 0].isnan().all()
    assert found["scores"][1].isnan().tolist() == [True, False, False, False]
    assert not any(found[each][1, 1:].any() for each in ("boxes", "labels", "scores"))
    words = task().task.words({each: values[1].numpy() for each, values in found.items()}, 1)
    assert [len(words["objects"]), str(words["objects"][0]["score"])] == [1, "nan"]


def test_targets_are_padded_and_taken_apart_again() -> None:
    some = {"boxes": torch.tensor([[0.0, 0, 4, 4], [2, 2, 8, 8]]), "labels": torch.tensor([1, 0])}
    none = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    batch = task().batched([some, none])
    assert batch["labels"].tolist() == [[1, 0], [-1, -1]]
    for place, each in enumerate((some, none)):
        assert all(torch.equal(task().taken(batch, place)[name], each[name]) for name in each)
    assert task().batched([none])["labels"].tolist() == [[-1]]


def test_targets_that_cannot_be_are_told_by_sample() -> None:
    good = {"boxes": torch.tensor([[[0.0, 0, 4, 4]], [[0, 0, 4, 4]]]), "labels": torch.tensor([[0], [-1]])}
    assert task().wrong_targets(good) is None
    flat = good | {"boxes": torch.tensor([[[0.0, 0, 4, 4]], [[4, 0, 4, 4]]])}
    assert task().wrong_targets(flat) is None  # padding has no box
    assert task().wrong_targets(flat | {"labels": torch.tensor([[0], [1]])}) == (
        1, "has a box without area, or one that is not finite"
    )  # fmt: skip
    assert task().wrong_targets(good | {"labels": torch.tensor([[2], [0]])}) == (
        0, "has an object of a class above 1, the last one's"
    )  # fmt: skip


def test_boxes_move_with_the_picture_and_leave_it() -> None:
    from torchvision.transforms import v2

    half = task()
    half.size = (40, 60)
    target = {"boxes": torch.tensor([[0.0, 0, 10, 20], [30, 10, 50, 30]]), "labels": torch.tensor([0, 1])}
    flipped = half.unmarked(v2.RandomHorizontalFlip(p=1)(half.marked(target)))
    assert flipped["boxes"].tolist() == [[50, 0, 60, 20], [10, 10, 30, 30]]
    cut = half.unmarked({"boxes": target["boxes"] - 25.0, "labels": target["labels"]})
    assert {name: each.tolist() for name, each in cut.items()} == {"boxes": [[5, 0, 25, 5]], "labels": [1]}


def test_captions_say_how_many_are_right() -> None:
    truth = {"boxes": torch.tensor([[0.0, 0, 10, 10]]), "labels": torch.tensor([0])}
    found = answered(raw([[0.0, 0, 10, 9], [50, 50, 60, 60]], [[0.9, 0.02], [0.02, 0.3]]))
    assert task().caption(found, truth) == ("true: 1 objects\nfound: 1, 1 right", False)
    assert task().caption(found, truth | {"labels": torch.tensor([1])}) == ("true: 1 objects\nfound: 1, 0 right", True)
    assert task().drawn(np.zeros((64, 64, 1), np.uint8), found, truth).shape == (256, 256, 3)


def test_a_network_of_other_outputs_is_told_what_is_expected() -> None:
    given = raw([[0.0, 0, 1, 1]], [[0.5, 0.5]])
    task().check_outputs(given, 1)
    for wrong, message in (
        (torch.zeros(1, 4), "gives a Tensor; detection takes a dict of the tensors boxes, logits, anchors"),
        ({"boxes": given["boxes"]}, "gives a dict of boxes; detection takes"),
        (given | {"logits": torch.zeros(1, 1, 3)}, r"its logits are \[1, 1, 3\], not \[batch, candidates, 2\]"),
    ):
        with pytest.raises(UserError, match=message):
            task().check_outputs(wrong, 1)


def test_takes_pictures_with_boxes_alone() -> None:
    source = SOURCES["digit_scenes"](train_scenes=2, test_scenes=1, targets="boxes")
    half = task_for("detection", {"max_detections": 5}, source)
    assert isinstance(half, Detection)
    assert half.size == (64, 64)
    with pytest.raises(UserError, match=r"takes boxes, data\.source gives classes"):
        task_for("detection", {}, SOURCES["digits"]())


def test_a_network_from_elsewhere_gives_candidates_without_anchors() -> None:
    given = raw([[0.0, 0, 1, 1]], [[0.5, 0.5]])
    del given["anchors"]
    assert task().picked(given) is given
    assert task().labels_in(given, "--task") == 2
    for wrong, message in (
        (torch.zeros(1, 4), r"the model gives Tensor \[1, 4\]"),
        (given | {"logits": torch.zeros(1, 2, 2)}, r"gives boxes \[1, 1, 4\], logits \[1, 2, 2\]"),
        (
            [given],
            "gives a list with boxes for each picture; of torchvision's detectors say the name torchvision_detector",
        ),
    ):
        with pytest.raises(UserError, match=f"^--task: needs a dictionary with boxes .* {message}"):
            task().labels_in(wrong, "--task")
