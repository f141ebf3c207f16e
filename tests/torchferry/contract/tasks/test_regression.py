"""A value for each label."""

import jsonschema
import numpy as np
import pytest

from tests.torchferry.contract.tasks.answers import check, words
from torchferry.contract.tasks.regression import Regression

PRICES = Regression(labels=("price", "rent"))


def test_each_label_has_its_value() -> None:
    assert words(PRICES, [3, 4.5]) == {"values": {"price": 3.0, "rent": 4.5}}


def test_a_value_may_be_none_or_infinite() -> None:
    said = words(PRICES, [np.nan, np.inf])["values"]
    assert np.isnan(said["price"])
    assert np.isinf(said["rent"])


def test_values_of_other_labels_are_not_its_schemas() -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(PRICES, {"values": {"price": 3.0}})
    with pytest.raises(ValueError, match="zip"):
        words(PRICES, [3.0])


def test_values_are_counted_for_no_label() -> None:
    assert PRICES.counted == ()
    assert not PRICES.counts({"values": np.zeros((2, 2))}).size
    assert not PRICES.scores_labels
    assert PRICES.has_words


def test_how_values_were_scaled_is_a_setting() -> None:
    assert PRICES.scale == (0.0, 1.0)
    scaled = Regression(labels=("price",), mean=(3.0,), std=(2.0,))
    assert scaled.scale == ((3.0,), (2.0,))
    assert scaled.settings == {"mean": (3.0,), "std": (2.0,)}
