"""A share of what is right is in per cent, everything else has four decimals."""

import pytest

from torchferry.contract.tasks.metric_text import metric_text


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("accuracy", 0.98765, "98.77%"),
        ("accuracy", 1.0, "100.00%"),
        ("digit.accuracy", 0.5, "50.00%"),
        ("r2", 0.98765, "0.9877"),
        ("recall", 1.0, "1.0000"),
        ("mae", float("nan"), "nan"),
    ],
)
def test_only_a_share_of_what_is_right_is_in_per_cent(name: str, value: float, words: str) -> None:
    assert metric_text(name, value) == words
