import contextlib
import io

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval

from tests.torchferry.contract.tasks.found import LABELS, some, taken, task
from torchferry.contract.tasks.average_precision import average_precision, by_rank
from torchferry.contract.tasks.coco_matches import coco_set


@pytest.mark.parametrize("seed", range(4))
def test_is_what_pycocotools_gives(seed: int) -> None:
    outputs, targets = some(60, seed)
    labels = np.where(np.arange(12) < outputs["count"][:, None], outputs["labels"], -1)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco_set(targets["boxes"], targets["labels"], np.zeros(targets["labels"].shape), len(LABELS))
        judge = COCOeval(truth, coco_set(outputs["boxes"], labels, outputs["scores"], len(LABELS)), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    values = task().measure(task().together(task().rows(outputs, targets)))
    assert values["map50_95"] == pytest.approx(judge.stats[0], abs=1e-12)
    assert values["map50"] == pytest.approx(judge.stats[1], abs=1e-12)
    each = judge.eval["precision"][0, :, :, 0, 2].mean(axis=0)
    assert [values[f"ap50/{label}"] for label in LABELS] == pytest.approx(each.tolist(), abs=1e-12)


def test_a_sample_may_count_several_times_or_not_at_all() -> None:
    rows = task().together(task().rows(*some(40)))
    times = np.bincount(np.random.default_rng(1).integers(40, size=40), minlength=40)
    again = task().rows(*(taken(each, np.repeat(np.arange(40), times)) for each in some(40)))
    assert task().score(rows, times) == pytest.approx(task().score(task().together(again)), abs=1e-12)
    assert task().score(rows, times) != task().score(rows)


def test_a_class_without_objects_has_none_and_one_without_detections_has_zero() -> None:
    labels, scores = np.array([[0, -1]]), np.array([[0.9, np.nan]])
    found = average_precision(
        by_rank(labels, scores), labels, np.ones((1, 2, 1), bool), np.array([[1, 1, 0]]), np.array([[1], [0]])
    )
    assert found[0, :2, 0].tolist() == [1, 0]
    assert np.isnan(found[0, 2, 0])
    assert np.isnan(found[1]).all()  # of no sample
