"""The exact variant serves, unless another was asked for, or pays beyond what noise can do."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from tests.serving.tiny_bundle import variant
from torchferry.serving.bundle.choice import Choice
from torchferry.serving.bundle.variant import Measured, Variant
from torchferry.serving.export import choice
from torchferry.serving.export.choice import WORTH, WORTH_MS, chosen

ONE = {"row": np.zeros((1, 2))}
STEADY = np.linspace(0.99, 1.01, 15)
NOISY = np.resize([0.5, 1.0, 2.0], 15)
"""A call may take half as long or twice as long as it should."""


def measured(score: float | None = None, agreement: float | None = None, metric: str = "accuracy") -> Measured:
    return Measured(
        samples=9,
        max_abs_diff=0.1,
        mean_abs_diff=0.1,
        relative_error=0.02,
        agreement=agreement,
        metric=None if score is None else metric,
        score=score,
        score_drop=None,
    )


def choose(
    monkeypatch: pytest.MonkeyPatch,
    times: Mapping[str, Sequence[float] | np.ndarray],
    asked: str | None = None,
    refused: tuple[str, ...] = (),
    **change: Any,
) -> Choice | None:
    """Of variants whose calls took so many ms, round after round."""
    variants: dict[str, Variant] = {
        name: variant(status="refused" if name in refused else "accepted", measured=measured(score=0.9))
        for name in times
    }
    opened: list[str] = []
    monkeypatch.setattr(choice, "alternated", lambda sessions, _: {name: list(times[name]) for name in sessions})

    def open_session(name: str) -> Any:
        opened.append(name)

    found = chosen(variants, asked, open_session, ONE, **change)
    assert not set(opened) & set(refused)
    return found


def test_what_is_beyond_noise_and_pays_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    found = choose(monkeypatch, {"onnx-int8": 4 * STEADY, "torch": 1 * STEADY, "onnx-fp32": 8 * STEADY})
    assert found is not None
    assert (found.variant, found.over) == ("onnx-int8", "onnx-fp32")
    assert found.reason == (
        "2.00 [2.00, 2.00] times as fast as onnx-fp32, 4 ms a call less; accuracy 90.00%, "
        "accuracy 90.00% with onnx-fp32"
    )
    assert (found.gains["onnx-int8"].ratio, found.gains["onnx-int8"].rounds) == (2.0, 15)
    assert set(found.gains) == {"onnx-int8"}  # which both servers could serve instead


@pytest.mark.parametrize(
    "int8",
    [
        8 / (1.1 * WORTH * NOISY),  # pays in two thirds of the rounds
        8 / ((WORTH - 0.02) * STEADY),
        8 * STEADY,
        16 * STEADY,
    ],
)
def test_what_noise_could_have_done_or_does_not_pay_does_not(monkeypatch: pytest.MonkeyPatch, int8: np.ndarray) -> None:
    found = choose(monkeypatch, {"onnx-int8": int8, "onnx-fp32": np.full(15, 8.0)})
    assert found is not None
    assert found.variant == "onnx-fp32"
    assert found.reason.startswith(
        "it is exact, and another has to be 1.2 times as fast and save 0.1 ms a call: onnx-int8 is "
    )
    assert found.reason.endswith("; accuracy 90.00%")
    assert found.gains["onnx-int8"].low <= WORTH


def test_of_a_tiny_model_no_call_is_worth_another_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    found = choose(monkeypatch, {"onnx-int8": WORTH_MS / 9 * STEADY, "onnx-fp32": WORTH_MS * STEADY})
    assert found is not None
    assert found.variant == "onnx-fp32"
    assert found.gains["onnx-int8"].low > WORTH


def test_two_that_pay_alike_are_not_told_apart_by_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """fp16 rounds less, so int8 has to pay over it as well."""
    times = {"onnx-fp32": 8 * STEADY, "onnx-fp16": 4 * STEADY, "onnx-int8": 3.9 * STEADY}
    found = choose(monkeypatch, times)
    assert found is not None
    assert found.variant == "onnx-fp16"
    found = choose(monkeypatch, times | {"onnx-int8": 1 * STEADY})
    assert found is not None
    assert found.variant == "onnx-int8"


def test_what_was_asked_for_serves_and_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    found = choose(monkeypatch, {"onnx-int8": 9 * STEADY, "torch": STEADY, "onnx-fp32": STEADY}, "torch")
    assert found == Choice(variant="torch", reason="it was asked for; accuracy 90.00%")


def test_what_was_asked_for_and_refused_does_not_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {"onnx-int8": 1 * STEADY, "onnx-fp32": 9 * STEADY}
    found = choose(monkeypatch, times, "onnx-int8", refused=("onnx-int8",))
    assert found is not None
    assert found.variant == "onnx-fp32"
    assert found.reason == (
        "onnx-int8 was asked for, and was not accepted; it is exact and there is no other; accuracy 90.00%"
    )


def test_without_onnx_a_torch_variant_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    found = choose(
        monkeypatch, {"torch-aoti": 4 * STEADY, "torch": 8 * STEADY, "onnx-fp32": STEADY}, refused=("onnx-fp32",)
    )
    assert found is not None
    assert found.variant == "torch-aoti"
    found = choose(monkeypatch, {"torch": 8 * STEADY})
    assert found == Choice(variant="torch", reason="it is exact and there is no other; accuracy 90.00%")


def test_a_rounded_one_is_the_last_to_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    found = choose(monkeypatch, {"onnx-int8": STEADY, "onnx-fp32": STEADY}, refused=("onnx-fp32",))
    assert found is not None
    assert found.variant == "onnx-int8"
    assert found.reason.startswith("it is the most exact one that was accepted and there is no other")


def test_what_rounds_is_not_chosen_by_made_up_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    found = choose(monkeypatch, {"onnx-fp16": 1 * STEADY, "onnx-fp32": 9 * STEADY}, random=True)
    assert found is not None
    assert found.variant == "onnx-fp32"
    assert found.reason.startswith("it is exact and what rounds (onnx-fp16) is not judged on real samples")


def test_where_nothing_was_accepted_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose(monkeypatch, {"torch": STEADY}, refused=("torch",)) is None


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (measured(score=0.5, agreement=0.75), "accuracy 50.00%"),
        (measured(score=0.5, agreement=0.75, metric="micro_f1"), "micro_f1 0.5000"),
        (measured(agreement=0.75), "agreement with the checkpoint 75.00%"),
        (measured(), "relative error 2.0e-02"),
    ],
)
def test_what_it_is_worth_is_said_in_the_first_figure_that_there_is(of: Measured, said: str) -> None:
    found = chosen({"torch": variant(measured=of)}, None, lambda _: pytest.fail("nothing to measure"), ONE)
    assert found is not None
    assert found.reason.endswith(f"; {said}")
