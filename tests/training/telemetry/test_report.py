"""Numbers in words: an accuracy in per cent, everything else with four decimals, the loss left out."""

import pytest

from torchferry.training.telemetry.report import in_words, shown


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("accuracy", 0.98765, "98.77%"),
        ("accuracy", 1.0, "100.00%"),
        ("r2", 0.98765, "0.9877"),
        ("recall", 1.0, "1.0000"),
        ("mae", float("nan"), "nan"),
    ],
)
def test_only_an_accuracy_is_in_per_cent(name: str, value: float, words: str) -> None:
    assert shown(name, value) == words


def test_a_line_names_all_values_but_the_loss_in_their_order() -> None:
    values = {"loss": 0.5, "accuracy": 0.9, "precision": 0.25}
    assert in_words(values) == "test accuracy 90.00%, test precision 0.2500"


def test_a_loss_alone_leaves_nothing_to_say() -> None:
    assert in_words({"loss": 0.5}) == ""
