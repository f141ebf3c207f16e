"""One sample's outputs in words."""

from typing import Any

import numpy as np
import pytest
from torchferry.serving.codec.sample_answer import has_words, sample_answer

from tests.serving.tiny_bundle import described
from torchferry.serving.bundle.bundle import TensorSpec

KIND = TensorSpec(name="kind", datatype="FP32", shape=(-1, 3), labels=("car", "bus", "van"))
WET = TensorSpec(name="wet", datatype="UINT8", shape=(-1, 2), labels=("dry", "wet"))
BOX = TensorSpec(name="box", datatype="INT64", shape=(-1, 2, 2))
SEVERAL = described(task="tensors", outputs=(KIND, WET, BOX), labels=())
GIVEN = {
    "box": np.array([[1, 2], [3, 4]]),
    "kind": np.array([-1.0, 2.5, 0.25], np.float32),
    "wet": np.array([7, 200], np.uint8),
}


def test_each_output_with_labels_has_its_own() -> None:
    assert sample_answer(GIVEN, SEVERAL, 2) == {
        "outputs": {
            "kind": {
                "label": "bus",
                "score": 2.5,
                "top_k": [{"label": "bus", "score": 2.5}, {"label": "van", "score": 0.25}],
            },
            "wet": {
                "label": "wet",
                "score": 200.0,
                "top_k": [{"label": "wet", "score": 200.0}, {"label": "dry", "score": 7.0}],
            },
            "box": [[1, 2], [3, 4]],
        }
    }


@pytest.mark.parametrize(
    ("task", "given", "said"),
    [
        ("classification", [0.25, 0.75], ("yes", 0.75)),
        ("binary", [0.125], ("no", 0.875)),
    ],
)
def test_the_one_output_is_answered_by_itself(task: str, given: list[float], said: tuple[str, float]) -> None:
    answer = sample_answer({"probabilities": np.array(given)}, described(task=task), 1)
    top = {"label": said[0], "probability": said[1]}
    assert answer == {**top, "top_k": [top]}


@pytest.mark.parametrize("task", ["classification", "binary"])
def test_nan_is_no_classs_probability(task: str) -> None:
    given = np.array([np.nan, 0.75][: 2 if task == "classification" else 1])
    top = sample_answer({"probabilities": given}, described(task=task), 2)["top_k"]
    assert [each["label"] for each in top] == (["yes", None] if task == "classification" else [None, None])


def test_a_regression_has_a_value_for_each_output() -> None:
    bundle = described(task="regression", labels=("price", "rent"))
    assert sample_answer({"probabilities": np.array([3, 4.5])}, bundle, 1) == {"values": {"price": 3.0, "rent": 4.5}}


@pytest.mark.parametrize(
    ("change", "words"),
    [({}, True), ({"task": "tensors"}, False), ({"task": "tensors", "outputs": (BOX, KIND)}, True)],
)
def test_numbers_of_which_nobody_has_said_more_are_tensors(change: dict[str, Any], words: bool) -> None:
    assert has_words(described(**change)) == words
