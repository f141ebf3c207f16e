"""The schema of an answer holds for what the codec answers, and says what it holds."""

import json
from typing import Any, Literal

import jsonschema
import numpy as np
import pytest

from tests.serving.tiny_bundle import described
from torchferry.contract.tasks.heads import Heads
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.predictions_json import Request, answer
from torchferry.serving.onnx_server.http.openapi import SCHEMAS
from torchferry.serving.onnx_server.prediction_schema import prediction_schema

KIND = TensorSpec(name="kind", datatype="FP32", shape=(-1, 2), labels=("car", "bus"))
SIZE = TensorSpec(name="size", datatype="FP32", shape=(-1, 2, 1))
LABELS = ("kind: car", "kind: bus", "size: m")
BUNDLES = {
    "classification": described(),
    "binary": described(task="binary"),
    "multilabel": described(task="multilabel", labels=("cat", "dog")),
    "regression": described(task="regression", labels=("price", "rent")),
    "several": described(task="tensors", outputs=(KIND, SIZE), labels=()),
    "embedding": described(task="embedding", outputs=(TensorSpec(name="vector", datatype="FP32", shape=(-1, 2)),)),
    "heads": described(
        task=Heads(heads={"kind": {"name": "classification"}, "size": {"name": "regression"}}, labels=LABELS),
        outputs=(
            TensorSpec(name="kind", datatype="FP32", shape=(-1, 2)),
            TensorSpec(name="size", datatype="FP32", shape=(-1, 1)),
        ),
    ),
    "tensors": described(task="tensors"),
}


def check(content: Any, bundle: Bundle) -> None:
    jsonschema.validate(content, {**prediction_schema(bundle), "components": {"schemas": SCHEMAS}})


def answered(bundle: Bundle, samples: int, form: Literal["tensors", "labels"] = "labels") -> Any:
    outputs = {spec.name: np.full((samples, *spec.shape[1:]), 0.5, np.float32) for spec in bundle.outputs}
    outputs[bundle.outputs[0].name][0, 0] = np.nan
    request = Request({"row": np.zeros((samples, 3))}, form, ("a note",))
    return json.loads(answer(request, outputs, bundle, "asked"))


@pytest.mark.parametrize("name", BUNDLES)
def test_it_holds_for_every_answer(name: str) -> None:
    bundle = BUNDLES[name]
    for content in (answered(bundle, 1), answered(bundle, 2), answered(bundle, 1, "tensors")):
        check(content, bundle)


def test_cosines_that_are_asked_for_are_described() -> None:
    bundle = BUNDLES["embedding"]
    request = Request({"row": np.zeros((2, 3))}, "predictions", related=("similarity",))
    content = json.loads(answer(request, {"vector": np.eye(2, dtype=np.float32)}, bundle, "asked"))
    check(content, bundle)
    with pytest.raises(jsonschema.ValidationError):
        check(content | {"similarity": [1, 0]}, bundle)


@pytest.mark.parametrize("name", BUNDLES)
def test_it_does_not_hold_for_another_models_answer(name: str) -> None:
    for other, bundle in BUNDLES.items():
        if other not in (name, "tensors") and {other, name} != {"classification", "binary"}:
            with pytest.raises(jsonschema.ValidationError):
                check(answered(bundle, 1), BUNDLES[name])


@pytest.mark.parametrize("schema", [lambda _: {"label": object()}, lambda _: 1 / 0])
def test_a_task_that_cannot_say_it_is_described_as_such(schema: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = described()
    monkeypatch.setattr(type(bundle.task), "schema", schema)
    found = prediction_schema(bundle)
    assert found["description"].startswith("not known: the task's schema fails (")
    jsonschema.validate({"whatever": 1}, found)
