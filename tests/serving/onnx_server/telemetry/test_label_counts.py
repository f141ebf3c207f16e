"""Predictions are counted by label, once each, and stay when a version goes; its training shares go with it."""

from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from tests.serving.tiny_bundle import described
from torchferry.contract.tasks.multilabel import Multilabel
from torchferry.contract.tasks.task import NONE
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.onnx_server.telemetry.label_counts import AT_ONCE, LabelCounts

YES = np.array([[0.1, 0.9]], np.float32)
NO = np.array([[0.9, 0.1]], np.float32)


class Page:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.counts = LabelCounts(self.registry)

    def predictions(self, label: str, name: str = "tiny") -> float | None:
        return self._value("predictions_total", name, label)

    def share(self, label: str, name: str = "tiny") -> float | None:
        return self._value("training_label_ratio", name, label)

    def _value(self, what: str, name: str, label: str) -> float | None:
        labels = {"model": name, "version": "1.0", "head": "", "label": label}
        return self.registry.get_sample_value(f"torchferry_serve_{what}", labels)


@pytest.fixture
def page() -> Page:
    return Page()


def test_what_was_counted_stays_and_a_share_goes_with_its_version(page: Page) -> None:
    answers = page.counts.load("tiny", described())
    assert answers
    answers.add({"probabilities": np.repeat(YES, AT_ONCE - 1, axis=0)})
    again = page.counts.load("tiny", described())
    assert again
    for one in (answers, again):  # the version that is replaced has something to answer yet
        one.add({"probabilities": np.repeat(YES, 2, axis=0)})
    assert page.predictions("yes") == AT_ONCE + 3
    assert page.share("yes") == 0.25
    page.counts.unload("tiny", "1.0")
    assert page.predictions("yes") == AT_ONCE + 3
    assert page.share("yes") is None


def test_each_label_has_its_count_from_the_start(page: Page) -> None:
    answers = page.counts.load("tiny", described())
    assert answers
    assert (page.predictions("no"), page.predictions("yes")) == (0, 0)
    answers.add({"probabilities": np.concatenate([YES, NO, YES])})
    for _ in range(2):  # a page that is read twice
        assert (page.predictions("no"), page.predictions("yes")) == (1, 2)


def test_a_version_with_other_labels_is_counted_anew(page: Page) -> None:
    answers = page.counts.load("tiny", described())
    assert answers
    answers.add({"probabilities": YES})
    assert page.counts.load("tiny", described(labels=("good", "bad"))) is not answers
    assert (page.predictions("yes"), page.predictions("bad")) == (None, 0)


def test_one_model_under_two_names_is_counted_under_each(page: Page) -> None:
    for name in ("tiny", "tiny-onnx-fp32"):
        answers = page.counts.load(name, described())
        assert answers
        answers.add({"probabilities": YES})
    assert page.predictions("yes") == page.predictions("yes", "tiny-onnx-fp32") == 1
    page.counts.unload("tiny", "1.0")
    assert (page.share("no"), page.share("no", "tiny-onnx-fp32")) == (None, 0.75)


def test_of_several_labels_each_is_counted(page: Page) -> None:
    answers = page.counts.load("tiny", described(task="multilabel", reference={"label_shares": [0.5, 0.25, 0.25]}))
    assert answers
    answers.add({"probabilities": np.array([[0.75, 0.5], [0.25, 0.75], [np.nan, 0.25]], np.float32)})
    answers.add({"probabilities": np.array([[0.1, 0.2]], np.float32)})
    assert [page.predictions(label) for label in ("no", "yes", NONE)] == [1, 2, 2]
    assert page.share("yes") == 0.25


def test_an_output_that_gave_way_to_an_inputs_name_is_counted(page: Page) -> None:
    renamed = (TensorSpec(name="probabilities_output", datatype="FP32", shape=(-1, 2)),)
    first = page.counts.load("tiny", described())
    answers = page.counts.load("tiny", described(outputs=renamed))
    assert answers
    assert answers is not first
    answers.add({"probabilities_output": YES})
    assert page.predictions("yes") == 1


def test_a_version_with_other_thresholds_is_counted_anew(page: Page) -> None:
    first, second = (Multilabel(labels=("no", "yes"), thresholds=least) for least in (0.5, 0.9))
    answers = page.counts.load("tiny", described(task=first))
    assert answers
    answers.add({"probabilities": YES})
    assert page.counts.load("tiny", described(task=first)) is answers
    assert page.counts.load("tiny", described(task=second)) is not answers
    assert page.predictions("yes") == 0


@pytest.mark.parametrize("change", [{"task": "tensors"}, {"task": "regression"}, {"labels": ()}])
def test_where_there_are_no_classes_nothing_is_counted(page: Page, change: dict[str, Any]) -> None:
    assert page.counts.load("tiny", described(**change)) is None
    assert (page.predictions("yes"), page.share("yes")) == (None, None)


def test_what_cannot_be_counted_is_left_out_and_said_once(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    answers = page.counts.load("tiny", described())
    assert answers
    answers.add({"probabilities": YES})
    assert page.predictions("yes") == 1
    for _ in range(2):
        answers.add({"probabilities": np.array([[0, 0, 1]], np.float32)})
        assert page.predictions("yes") == 1
    answers.add({"probabilities": YES})
    assert page.predictions("yes") == 2
    said = "labels of answers are not counted (ValueError: its counts are [3], and it has 2 labels)"
    assert capsys.readouterr().err.splitlines() == [f"torchferry: tiny 1.0: {said}"]
