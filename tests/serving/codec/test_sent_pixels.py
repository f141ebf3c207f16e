"""Outputs of a batch, and of a sample, moved from the network's pixels to those of the pictures that were sent."""

import dataclasses
import json
from typing import Any

import jsonschema
import numpy as np
import pytest

from tests.serving.bright_bundle import BOXES, HEIGHT, MASK, WIDTH, described_boxes, described_mask, picture
from torchferry.contract.placement import Placement
from torchferry.contract.resize import spans
from torchferry.contract.tasks.heads import Heads
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.predictions_json import Request, answer
from torchferry.serving.codec.sent_pixels import described, in_sent_pixels, sample_in_sent_pixels, with_size
from torchferry.serving.onnx_server.http.openapi import SCHEMAS
from torchferry.serving.onnx_server.prediction_schema import prediction_schema


def placed(bundle: Bundle, width: int, height: int) -> Placement:
    spec = bundle.inputs[0].image
    assert spec
    return Placement(*spans(width, height, spec))


def found(*samples: list[float]) -> dict[str, np.ndarray]:
    count = len(samples)
    boxes = np.array([[box, [0] * 4] for box in samples], np.float32)
    scores, labels = np.tile(np.array([0.5, 0], np.float32), (count, 1)), np.zeros((count, 2), np.int64)
    return {"boxes": boxes, "labels": labels, "scores": scores, "count": np.ones(count, np.int64)}


def heads() -> Bundle:
    said: dict[str, Any] = {"box": {"name": "detection", **BOXES.settings}, "area": {"name": "segmentation"}}
    labels = [f"{head}: {label}" for head, own in (("box", BOXES), ("area", MASK)) for label in own.labels]
    outputs = [dataclasses.replace(spec, name=f"box.{spec.name}") for spec in described_boxes().outputs]
    outputs += [dataclasses.replace(described_mask().outputs[0], name="area")]
    task = Heads(heads=said, labels=tuple(labels))
    return dataclasses.replace(described_boxes(resize="pad"), task=task, outputs=tuple(outputs))


def test_each_sample_of_a_batch_is_in_its_own_pictures_pixels() -> None:
    bundle, outputs = described_boxes(), found([4, 6, 16, 12], [4, 6, 16, 12])
    moved = in_sent_pixels(bundle, outputs, [placed(bundle, 64, 24), placed(bundle, 320, 480)])
    assert moved["boxes"][:, 0].tolist() == [[8, 6, 32, 12], [40, 120, 160, 240]]
    assert not moved["boxes"][:, 1].any()
    assert moved["scores"] is outputs["scores"]
    assert outputs["boxes"][0, 0].tolist() == [4, 6, 16, 12], "the cache has these arrays"
    assert in_sent_pixels(bundle, outputs, []) is outputs


def test_outputs_that_were_not_asked_for_and_names_of_classes_stay_away() -> None:
    bundle, outputs = described_boxes(), found([4, 6, 16, 12])
    place = [placed(bundle, 64, 24)]
    assert list(in_sent_pixels(bundle, {"scores": outputs["scores"]}, place)) == ["scores"]
    named = {"boxes": np.array([[b"16.0:2"]], object)}
    assert in_sent_pixels(bundle, named, place)["boxes"] is named["boxes"]


def test_a_batch_of_masks_stays_rectangular_and_a_samples_has_its_pictures_size() -> None:
    bundle = described_mask(resize="crop")
    mask = np.ones((1, HEIGHT, WIDTH), np.uint8)
    place = placed(bundle, 96, 24)
    assert in_sent_pixels(bundle, {"classes": mask}, [place])["classes"].shape == mask.shape
    whole = sample_in_sent_pixels(bundle, {"classes": mask[0]}, place)["classes"]
    assert whole.shape == (24, 96)
    assert [int((whole == each).sum()) for each in (0, 1, 255)] == [0, 24 * 32, 24 * 64]
    words = MASK.words({"classes": whole}, 1)
    assert words["shares"] == {"dark": 0, "bright": 1}
    assert np.array_equal(MASK.read(words)["classes"], whole)


def test_heads_are_moved_as_their_tasks_are_and_each_says_its_size() -> None:
    bundle = heads()
    own = found([4, 6, 16, 12])
    outputs = {f"box.{name}": values for name, values in own.items()}
    outputs["area"] = np.zeros((1, HEIGHT, WIDTH), np.uint8)
    place = placed(bundle, 64, 48)
    assert in_sent_pixels(bundle, outputs, [place])["box.boxes"][0, 0].tolist() == [8, 12, 32, 24]
    sample = sample_in_sent_pixels(bundle, {name: values[0] for name, values in outputs.items()}, place)
    words = with_size(bundle, bundle.task.words(sample, 1), place)
    assert words["box"]["objects"][0]["box"] == [8, 12, 32, 24]
    assert words["box"]["size"] == words["area"]["size"] == [48, 64]
    assert with_size(bundle, bundle.task.words(sample, 1), None)["box"]["size"] == [HEIGHT, WIDTH]
    assert list(described(bundle)) == ["box.boxes", "area"]


@pytest.mark.parametrize("inputs", [(), (picture(), dataclasses.replace(picture(), name="other"))])
def test_of_none_and_of_several_pictures_nothing_is_moved(inputs: tuple[Any, ...]) -> None:
    plain = dataclasses.replace(picture(), decode=None)
    bundle = dataclasses.replace(described_boxes(), inputs=inputs or (plain,))
    sample = {name: values[0] for name, values in found([4, 6, 16, 12]).items()}
    assert sample_in_sent_pixels(bundle, sample, None) is sample
    assert with_size(bundle, {"objects": []}, None) == {"objects": []}
    assert described(bundle) == {}


def test_answers_of_heads_are_as_their_schema_says() -> None:
    bundle = heads()
    outputs = {f"box.{name}": values for name, values in found([4, 6, 16, 12]).items()}
    outputs["area"] = np.zeros((1, HEIGHT, WIDTH), np.uint8)
    request = Request(
        {"image": np.zeros((1, 1, HEIGHT, WIDTH), np.uint8)}, "labels", placements=[placed(bundle, 64, 48)]
    )
    schema = {**prediction_schema(bundle), "components": {"schemas": SCHEMAS}}
    said = json.loads(answer(request, outputs, bundle, "heads"))
    jsonschema.validate(said, schema)
    assert said["box"]["size"] == [48, 64]
    del said["box"]["size"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(said, schema)
