"""Several answers to a sample, each what its own task makes of it."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from torchferry.contract.tasks import TASKS
from torchferry.contract.tasks.classes import Classification
from torchferry.contract.tasks.find import made, said_of, task_of
from torchferry.contract.tasks.heads import KEY, Heads
from torchferry.errors import UserError

LABELS = ("kind: cat", "kind: dog", "size: cm")
HEADS: dict[str, dict[str, Any]] = {
    "kind": {"name": "classification"},
    "size": {"name": "regression", "weight": 3.0},
}
TASK = Heads(heads=HEADS, labels=LABELS)
OUTPUTS = {
    "kind": np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], np.float32),
    "size": np.array([[1], [2], [4]], np.float32),
}
TARGETS = {"kind": np.array([0, 1, 1]), "size": np.array([[1.0], [2.0], [3.0]])}
EMBEDDING = Heads(heads=HEADS | {"face": {"name": "embedding"}}, labels=(*LABELS, "face: Ann", "face: Bob"))


@dataclass(frozen=True, kw_only=True)
class Pair(Classification):
    outputs: ClassVar[tuple[str, ...]] = ("left", "right")


def parts(outputs: dict[str, np.ndarray], rows: slice) -> dict[str, np.ndarray]:
    return {name: values[rows] for name, values in outputs.items()}


def test_each_head_has_its_own_labels_outputs_and_words() -> None:
    assert TASK.outputs == ("kind", "size")
    assert TASK.tasks["kind"].labels == ("cat", "dog")
    assert TASK.labels_by_output == {"kind": ("cat", "dog")}
    said = TASK.words({name: values[1] for name, values in OUTPUTS.items()}, 1)
    assert said["kind"]["label"] == "dog"
    assert said["size"] == {"values": {"cm": 2.0}}
    assert [*TASK.schema()] == ["kind", "size"]


def test_a_head_with_several_outputs_names_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "pair", Pair)
    task = Heads(heads={"seen": {"name": "pair"}})
    assert task.outputs == ("seen.left", "seen.right")
    assert task.of_part("seen", {"seen.left": np.zeros(1), "other": np.ones(1)}) == {"left": np.zeros(1)}


def test_places_and_masks_of_heads_have_their_outputs_names() -> None:
    heads = {"box": {"name": "detection"}, "area": {"name": "segmentation"}, "kind": {"name": "classification"}}
    task = Heads(heads=heads, labels=("box: cat", "area: road", "kind: cat"))
    assert task.places == ("box.boxes",)
    assert task.masks == {"area": 255}
    assert (TASK.places, TASK.masks) == ((), {})


def test_metrics_are_each_heads_own_and_the_score_weighs_their_headlines() -> None:
    rows = TASK.rows(OUTPUTS, TARGETS)
    values = TASK.measure(TASK.together(rows))
    assert values["kind.accuracy"] == pytest.approx(2 / 3)
    assert values["size.r2"] == pytest.approx(0.5)
    assert values["score"] == pytest.approx((2 / 3 + 3 * 0.5) / 4)
    assert TASK.score(rows) == pytest.approx(values["score"])


def test_sums_of_parts_are_those_of_the_whole() -> None:
    whole = TASK.sums(TASK.rows(OUTPUTS, TARGETS))
    both = [TASK.sums(TASK.rows(parts(OUTPUTS, rows), parts(TARGETS, rows))) for rows in (slice(1), slice(1, 3))]
    for name, values in whole.items():
        np.testing.assert_allclose(values, both[0][name] + both[1][name])
    assert TASK.adds_up
    assert TASK.values(whole) == TASK.measure(TASK.rows(OUTPUTS, TARGETS))


def test_a_head_that_needs_all_samples_has_them() -> None:
    assert not EMBEDDING.adds_up
    outputs = OUTPUTS | {"face": np.array([[1, 0], [1, 0], [0, 1]], np.float32)}
    rows = EMBEDDING.together(EMBEDDING.rows(outputs, TARGETS | {"face": np.array([0, 0, 1])}))
    values = EMBEDDING.measure(rows)
    assert values["face.recall_at_1"] == 1
    assert values["kind.accuracy"] == pytest.approx(2 / 3)
    assert EMBEDDING.score(rows, np.array([1, 1, 0])) == pytest.approx((1 + 3 * 1 + 1) / 5)


def test_labels_are_counted_under_their_heads() -> None:
    assert TASK.counted == ("kind: cat", "kind: dog")
    assert TASK.counts(OUTPUTS).tolist() == [2, 1]
    assert TASK.counts_of(TARGETS).tolist() == [1, 2]


def test_agreement_is_the_mean_of_the_heads_that_have_one() -> None:
    other = OUTPUTS | {"kind": OUTPUTS["kind"][:, ::-1]}
    np.testing.assert_array_equal(TASK.agreement(OUTPUTS, OUTPUTS), [1, 1, 1])
    np.testing.assert_array_equal(TASK.agreement(other, OUTPUTS), [0, 0, 0])


def test_a_mistake_of_any_head_is_one() -> None:
    found = TASK.mistakes(TASK.rows(OUTPUTS, TARGETS))
    assert found is not None
    classes, wrong = found
    assert (classes.tolist(), wrong.tolist()) == ([0, 1, 1], [False, False, True])


def test_what_is_said_of_it_is_read_again() -> None:
    assert task_of(said_of(TASK), LABELS) == TASK


def test_what_is_left_to_the_validation_split_is_settled_in_its_head() -> None:
    task = Heads(heads={"tags": {"name": "multilabel", "thresholds": "tuned"}}, labels=("tags: a",))
    assert task.unsettled == "heads.tags.thresholds"
    rows = task.rows({"tags": np.array([[0.1], [0.3]], np.float32)}, {"tags": np.array([[0], [1]], np.uint8)})
    settled = task.settled(rows)
    assert settled.unsettled is None
    assert settled.heads["tags"]["thresholds"] == pytest.approx((0.2,))


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        ({}, "has no head"),
        ({"a.b": {"name": "classification"}}, "'a.b' cannot name a head"),
        ({"score": {"name": "classification"}}, "'score' cannot name a head"),
        ({"image": {"name": "classification"}}, "'image' cannot name a head"),
        ({"kind": "classification"}, "heads.kind: 'classification' names no task"),
        ({"kind": {"name": "clasification"}}, "heads.kind.name: there is no 'clasification'; did you mean"),
        ({"kind": {"name": "heads", "heads": HEADS}}, "heads.kind.name: heads cannot be a head's"),
        ({"kind": {"name": "tensors"}}, "heads.kind.name: tensors cannot be a head's"),
        ({"kind": {"name": "classification", "weight": -1}}, "heads.kind.weight: -1 is no weight"),
        ({"kind": {"name": "classification", "weight": 0}}, "all weights are 0"),
        ({"kind": {"name": "classification", "wieght": 1}}, "heads.kind.wieght: unknown setting"),
    ],
)
def test_what_is_no_head_is_refused(heads: Any, said: str) -> None:
    with pytest.raises(UserError, match=f"^task.args.{KEY}[.:]") as error:
        made(Heads, {"heads": heads}, ())
    assert said in str(error.value)


def test_a_head_is_of_a_task_by_name() -> None:
    with pytest.raises(UserError, match=r"heads\.kind\.name: os\.path cannot be a head's, which are tasks by name"):
        Heads(labels=(), heads={"kind": {"name": "os.path"}})


def test_the_objects_of_a_head_are_put_in_order() -> None:
    heads = {**HEADS, "seen": {"name": "detection", "max_detections": 2}}
    task = Heads(heads=heads, labels=(*LABELS, "seen: cat", "seen: dog"))
    expected = {
        "kind": OUTPUTS["kind"][:1],
        "size": OUTPUTS["size"][:1],
        "seen.boxes": np.array([[[0, 0, 9, 9], [20, 20, 30, 30]]], np.float32),
        "seen.labels": np.array([[1, 0]]),
        "seen.scores": np.array([[0.8, 0.8]], np.float32),
        "seen.count": np.array([2]),
    }
    turned = {name: values[:, ::-1] if name.startswith("seen") and values.ndim > 1 else values
              for name, values in expected.items()}  # fmt: skip
    moved = task.aligned(turned, expected)
    assert set(moved) == set(expected)
    assert all((moved[name] == expected[name]).all() for name in expected)


def test_samples_of_a_request_are_compared_by_the_heads_that_can() -> None:
    task = Heads(
        heads={"kind": {"name": "classification"}, "face": {"name": "embedding"}}, labels=("kind: a", "kind: b")
    )
    assert task.related == ("face.similarity",)
    found = task.relations({"kind": np.eye(2), "face": np.array([[1, 0], [0.6, 0.8]])})
    assert {name: rows.tolist() for name, rows in found.items()} == {"face.similarity": [[1, 0.6], [0.6, 1]]}
    assert TASK.related == ()
