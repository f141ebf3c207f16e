"""Outputs are known by the task's names, whatever the bundle calls them."""

import json

import numpy as np
import pytest

from tests.serving.tiny_bundle import described
from torchferry.serving.bundle.answers import answers_of
from torchferry.serving.bundle.bundle import TensorSpec
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
