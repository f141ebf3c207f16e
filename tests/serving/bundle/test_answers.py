"""Outputs are known by the task's names, whatever the bundle calls them."""

import json

import numpy as np
import pytest

from tests.serving.tiny_bundle import described
from torchferry.contract.tasks.detection import Detection
from torchferry.serving.bundle.answers import aligned, answers_of
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.predictions_json import Request, answer

RENAMED = described(outputs=(TensorSpec(name="probabilities_output", datatype="FP32", shape=(-1, 2)),))
SEVERAL = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 2)) for name in ("kind", "size"))


def test_an_output_that_gave_way_to_an_inputs_name_is_the_tasks() -> None:
    assert answers_of(RENAMED, {"probabilities_output": 3}) == {"probabilities": 3}
    request, outputs = Request({"x": np.zeros((1, 3))}, "labels"), {"probabilities_output": np.array([[1, 0]])}
    assert json.loads(answer(request, outputs, RENAMED, "m"))["label"] == "no"


def test_tensors_have_the_names_of_the_bundle_in_its_order() -> None:
    found = answers_of(described(task="tensors", labels=(), outputs=SEVERAL), {"size": 1, "kind": 2})
    assert list(found.items()) == [("kind", 2), ("size", 1)]


def test_an_output_that_is_not_there_is_named() -> None:
    with pytest.raises(KeyError, match="probabilities_output"):
        answers_of(RENAMED, {"probabilities": 3})


def test_answers_are_put_in_order_by_the_models_own_names() -> None:
    outputs = tuple(
        TensorSpec(name=f"{name}_output", datatype=datatype, shape=(-1, *shape))
        for name, datatype, shape in (("boxes", "FP32", (2, 4)), ("labels", "INT64", (2,)), ("scores", "FP32", (2,)))
    )
    counts = TensorSpec(name="count", datatype="INT64", shape=(-1,))
    bundle = described(task=Detection(labels=("a", "b"), max_detections=2), outputs=(*outputs, counts))
    expected = {
        "boxes_output": np.array([[[0, 0, 9, 9], [20, 20, 30, 30]]], np.float32),
        "labels_output": np.array([[1, 0]]),
        "scores_output": np.array([[0.8, 0.8]], np.float32),
        "count": np.array([2]),
    }
    turned = {name: values[:, ::-1] if values.ndim > 1 else values for name, values in expected.items()}
    moved = aligned(bundle, turned, expected)
    assert list(moved) == list(expected)
    assert all((moved[name] == expected[name]).all() for name in expected)
    twice = {name: np.concatenate([values, values]) for name, values in expected.items()}
    assert aligned(bundle, expected, twice) == expected  # a variant that loses samples is told by its shapes


def test_answers_of_other_tasks_stay_as_they_are() -> None:
    given = {"probabilities_output": np.array([[0.2, 0.8]])}
    assert aligned(RENAMED, given, given)["probabilities_output"] is given["probabilities_output"]
