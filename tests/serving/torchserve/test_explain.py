"""Attributions are integrated gradients of the score that was asked for; what has no gradient is refused."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.serving.tiny_bundle import described
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.predictions_json import Request
from torchferry.serving.errors import DeadlinePassed, NotExplainable, WrongParameter
from torchferry.serving.torchserve.explain import Explainer
from torchferry.serving.torchserve.explanation import Explanation

WEIGHT = [[1.0, 2.0], [3.0, -4.0], [0.0, 1.0]]
ROW = np.array([[0.5, 0.25]], np.float32)
LABELS = ("2", "cat", "dog")
SCORES = described(labels=LABELS)
UNLABELLED = described(task="tensors", labels=(), outputs=SCORES.outputs)
YES = described(task="binary")


class Traced:
    """A session as torch's is."""

    def __init__(self, network: nn.Module) -> None:
        self.module = torch.fx.symbolic_trace(network)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        raise AssertionError(f"{list(inputs)} were computed without gradients")


class Calling(nn.Module):
    """One operation of torch's."""

    def __init__(self, operation: Any) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return self.operation(row)


def linear(weight: list[list[float]]) -> nn.Module:
    layer = nn.Linear(len(weight[0]), len(weight), bias=False)
    layer.weight = nn.Parameter(torch.tensor(weight))
    return nn.Sequential(layer)


def explain(
    bundle: Bundle = SCORES, network: nn.Module | None = None, target: str | None = None, row: np.ndarray = ROW
) -> Explanation:
    explainer = Explainer(Traced(network or linear(WEIGHT)), bundle, "torch")
    return explainer.explain(Request({bundle.inputs[0].name: row}, "labels"), target, lambda: None)


def test_points_are_no_company_for_each_other_where_the_bundle_allows_none() -> None:
    network = nn.Sequential(linear(WEIGHT), Calling(lambda scores: scores * scores.shape[0]))
    expected = pytest.approx(ROW * [WEIGHT[1]], rel=1e-5)
    assert explain(dataclasses.replace(SCORES, max_batch=1), network, "cat").attributions["row"] == expected
    assert explain(SCORES, network, "cat").attributions["row"] != expected


@pytest.mark.parametrize(
    ("target", "label", "index"),
    [(None, "2", 0), ("cat", "cat", 1), ("1", "cat", 1), ("2", "2", 0), ("dog", "dog", 2)],
)
def test_what_a_linear_score_owes_to_an_element_is_weight_times_value(
    target: str | None, label: str, index: int
) -> None:
    found = explain(target=target)
    assert (found.target, found.baseline, found.pixels) == (label, "zeros", {})
    np.testing.assert_allclose(found.attributions["row"], ROW * [WEIGHT[index]], rtol=1e-5)
    assert found.convergence_delta == pytest.approx(0, abs=1e-5)


def test_attributions_of_float64_rows_keep_their_digits() -> None:
    class Narrowed(nn.Module):
        def forward(self, row: torch.Tensor) -> torch.Tensor:
            return (row - torch.tensor([0.0, 1.7e9])).float().double() @ torch.tensor(WEIGHT, dtype=torch.float64).T

    found = explain(network=Narrowed(), target="cat", row=np.array([[0.5, 1.7e9 + 1]]))
    assert found.attributions["row"].dtype == np.float64
    assert found.attributions["row"][0].tolist() == pytest.approx([1.5, -4 * (1.7e9 + 1)], rel=1e-9)


def test_a_score_without_a_label_is_known_by_its_number() -> None:
    assert explain(UNLABELLED, target="1").target == 1


def test_the_two_labels_of_one_probability_owe_the_opposite() -> None:
    no, yes = (explain(YES, linear([[1.0, 2.0]]), label).attributions["row"] for label in ("no", "yes"))
    np.testing.assert_allclose(yes, [[0.5, 0.5]], rtol=1e-5)
    np.testing.assert_allclose(no, -yes, rtol=1e-5)


def test_of_several_labels_the_best_is_explained_unless_another_is_asked_for() -> None:
    several = described(task="multilabel", labels=LABELS)
    assert [explain(several, target=target).target for target in (None, "dog")] == ["2", "dog"]


def test_pixels_are_explained_against_a_black_image() -> None:
    class Weighed(nn.Module):
        """With the check of its input that torch.export puts before a cast."""

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            torch.ops.aten._assert_tensor_metadata.default(image, None, None, torch.uint8)
            return image.to(torch.float32).flatten(1) @ torch.tensor(WEIGHT).T

    decode = ImageDecode(mode="L", height=1, width=2, interpolation="bilinear")
    image = (TensorSpec(name="image", datatype="UINT8", shape=(-1, 1, 1, 2), decode=decode),)
    pixels = np.array([[[[200, 100]]]], np.uint8)
    session = Traced(Weighed())
    assert "_assert_tensor_metadata" in session.module.code
    request = Request({"image": pixels}, "labels")
    bundle = dataclasses.replace(SCORES, inputs=image)
    found = Explainer(session, bundle, "torch").explain(request, "cat", lambda: None)
    np.testing.assert_allclose(found.attributions["image"], [[[[600, -400]]]], rtol=1e-5)
    assert found.baseline == "black image"
    assert found.pixels.keys() == {"image"}
    np.testing.assert_array_equal(found.pixels["image"], pixels[0])


def test_of_several_inputs_the_pictures_are_known() -> None:
    class Difference(nn.Module):
        def forward(self, left: torch.Tensor, row: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            seen = left.to(torch.float32).flatten(1) - right.to(torch.float32).flatten(1)
            return (seen + row) @ torch.tensor(WEIGHT).T

    decode = ImageDecode(mode="L", height=1, width=2, interpolation="bilinear")
    left, right = (
        TensorSpec(name=name, datatype="UINT8", shape=(-1, 1, 1, 2), decode=decode) for name in ("left", "right")
    )
    bundle = dataclasses.replace(SCORES, inputs=(left, TensorSpec(name="row", datatype="FP32", shape=(-1, 2)), right))
    given: dict[str, np.ndarray] = {
        "left": np.array([[[[200, 100]]]], np.uint8),
        "row": ROW,
        "right": np.array([[[[7, 9]]]], np.uint8),
    }
    found = Explainer(Traced(Difference()), bundle, "torch").explain(Request(given, "labels"), "cat", lambda: None)
    np.testing.assert_allclose(found.attributions["right"], [[[[-21, 36]]]], rtol=1e-4)
    assert (found.baseline, list(found.pixels)) == ("zeros", ["left", "right"])
    np.testing.assert_array_equal(found.pixels["right"], [[[7, 9]]])


@pytest.mark.parametrize(
    ("bundle", "target", "words"),
    [
        (SCORES, "bird", "^target 'bird' is none of 3: 2, cat, dog$"),
        (SCORES, "3", "^target '3' is none of 3: "),
        (UNLABELLED, "cat", "^target 'cat' is none of 3$"),
        (described(task="regression", labels=LABELS), None, "gives several values; name the target: 2, cat, dog$"),
    ],
)
def test_a_target_that_is_none_is_refused(bundle: Bundle, target: str | None, words: str) -> None:
    with pytest.raises(WrongParameter, match=words):
        explain(bundle, target=target)


@pytest.mark.parametrize(
    ("bundle", "row", "words"),
    [
        (SCORES, np.repeat(ROW, 2, 0), "the request has 2 samples; one at a time is explained"),
        (
            dataclasses.replace(SCORES, inputs=(TensorSpec(name="row", datatype="INT64", shape=(-1, 2)),)),
            ROW,
            "'row' is INT64; only numbers with fractions can be explained",
        ),
        (dataclasses.replace(SCORES, outputs=SCORES.outputs * 2), ROW, "does not give one list of scores"),
        (
            dataclasses.replace(SCORES, outputs=(TensorSpec(name="map", datatype="FP32", shape=(-1, 3, 3)),)),
            ROW,
            "tiny does not give one list of scores for a sample",
        ),
    ],
)
def test_what_cannot_be_explained_is_refused_before_it_is_computed(bundle: Bundle, row: np.ndarray, words: str) -> None:
    with pytest.raises(NotExplainable, match=words):
        explain(bundle, row=row)


def test_a_variant_without_gradients_names_the_one_that_has_them() -> None:
    explainer = Explainer(Traced(linear(WEIGHT)), SCORES, "onnx-fp32")
    with pytest.raises(NotExplainable, match="onnx-fp32 has no gradients; explanations are of the variant tiny-torch"):
        explainer.explain(Request({"row": ROW}, "labels"), None, lambda: None)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (lambda row: (row > 0).float(), "what tiny gives has no gradient with respect to its input"),
        (lambda row: (row - 1).sqrt(), "the score's gradient is not finite on the way"),
    ],
)
def test_a_score_without_a_usable_gradient_is_refused(operation: Any, words: str) -> None:
    with pytest.raises(NotExplainable, match=words):
        explain(network=Calling(operation), target="0")


def test_it_ends_between_two_passes_when_its_deadline_passes() -> None:
    passes = 0

    def check_deadline() -> None:
        nonlocal passes
        passes += 1
        if passes == 4:
            raise DeadlinePassed("late")

    explainer = Explainer(Traced(linear(WEIGHT)), SCORES, "torch")
    with pytest.raises(DeadlinePassed):
        explainer.explain(Request({"row": ROW}, "labels"), None, check_deadline)
    assert passes == 4
