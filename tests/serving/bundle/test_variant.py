"""A variant is read from model.json as it was written, or not at all."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from torchferry.serving.bundle.variant import Measured, Speed, parse_variant

NAN, INFINITY = float("nan"), float("inf")
VARIANT: dict[str, Any] = {
    "status": "accepted",
    "reason": None,
    "note": None,
    "file": "variants/torch/model.pt2",
    "bytes": 4,
    "measured": {
        "samples": 10,
        "max_abs_diff": 0.001,
        "mean_abs_diff": 0.0001,
        "relative_error": 0.0002,
        "agreement": 1.0,
        "metric": "accuracy",
        "score": 0.9,
        "score_drop": 0.0,
        "score_drop_interval": [-0.01, 0.02],
        "metrics": {"accuracy": 0.9, "auroc": None},
    },
    "speed": {"load_seconds": 0.1, "batch_1_ms": 1.0, "batch_8_ms": 2.0, "threads": 1},
    "limits": {"max_abs_diff": 0.01},
    "golden_tolerance": 0.01,
}
"""As model.json has it."""


OF_BEFORE: dict[str, Any] = {"max_scaled_diff": None, "differences": {}, "changed_shares": {}, "parts": {}}
"""What a model.json of before does not have."""


def test_what_was_written_is_read_again() -> None:
    variant = parse_variant(VARIANT)
    assert isinstance(variant.measured, Measured)
    assert isinstance(variant.speed, Speed)
    assert (variant.status, variant.measured.score, variant.speed.batch_8_ms) == ("accepted", 0.9, 2.0)
    read = {**VARIANT["measured"], "score_drop_interval": (-0.01, 0.02)}
    assert dataclasses.asdict(variant) == VARIANT | {"measured": read | OF_BEFORE, "providers": {}}


def test_what_was_measured_on_other_providers_is_read_again() -> None:
    on = {"reason": "too far", "measured": VARIANT["measured"], "speed": VARIANT["speed"]}
    found = parse_variant(VARIANT | {"providers": {"cuda": on}}).providers["cuda"]
    variant = parse_variant(VARIANT)
    assert (found.reason, found.measured, found.speed) == ("too far", variant.measured, variant.speed)


@pytest.mark.parametrize(("accuracy", "metric"), [(0.9, "accuracy"), (None, None)])
def test_of_a_time_when_every_score_was_an_accuracy_it_is_read_too(accuracy: float | None, metric: str | None) -> None:
    said = ("samples", "max_abs_diff", "mean_abs_diff", "relative_error")
    numbers = {name: VARIANT["measured"][name] for name in said}
    former = {"top1_agreement": 0.98, "accuracy": accuracy, "accuracy_drop": accuracy and 0.01}
    read = parse_variant(VARIANT | {"measured": numbers | former}).measured
    assert (read.agreement, read.metric, read.score, read.score_drop) == (0.98, metric, accuracy, accuracy and 0.01)
    assert (read.score_drop_interval, read.metrics) == (None, {})


@pytest.mark.parametrize(
    "change",
    [{"quantized": True}, {"measured": {}}, {"measured": None}, {"speed": VARIANT["speed"] | {"batch_64_ms": 9.0}}],
)
def test_a_field_too_many_or_too_few_is_no_variant(change: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        parse_variant(VARIANT | change)


@pytest.mark.parametrize("missing", ["measured", "speed"])
def test_without_its_numbers_it_is_no_variant(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        parse_variant({key: value for key, value in VARIANT.items() if key != missing})


@pytest.mark.parametrize("tolerance", [{"y": 0.01}, 0.01])
@pytest.mark.parametrize(
    ("answered", "golden", "difference"),
    [
        ([1.5, 2], [1.0, 2], 0.5),
        ([NAN, 2], [1.0, 2], NAN),
        ([NAN, 2], [INFINITY, 2], 0),
        ([-INFINITY, 2], [INFINITY, 2], INFINITY),
        ([1.0], [1.0, 2], INFINITY),
        ([1, 9, 9, 4], [1, 2, 3, 4], 0.5),
        ([NAN, 2, 3, 4], [1, 2, 3, 4], 0.25),
        ([True, False], [True, True], 0.5),
    ],
)
def test_numbers_differ_by_the_largest_and_whole_ones_in_a_share(
    answered: list[Any], golden: list[Any], difference: float, tolerance: Any
) -> None:
    variant = parse_variant(VARIANT | {"golden_tolerance": tolerance})
    found = variant.difference(np.array(answered), np.array(golden))
    assert found == pytest.approx(difference, nan_ok=True)


@pytest.mark.parametrize(
    ("given", "floats", "ids"), [({"a": 0.5, "b": 0.25}, 0.5, 0.25), (0.5, 0.5, 0.0)], ids=["by output", "of before"]
)
def test_the_tolerance_is_the_outputs(given: Any, floats: float, ids: float) -> None:
    variant = parse_variant(VARIANT | {"golden_tolerance": given})
    assert variant.tolerance("a", np.zeros(1)) == floats
    assert variant.tolerance("b", np.zeros(1, int)) == ids


def test_nobody_turns_a_refused_variant_into_an_accepted_one() -> None:
    refused = parse_variant(VARIANT | {"status": "refused", "reason": "outputs differ by 1"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        refused.status = "accepted"  # type: ignore[misc]
