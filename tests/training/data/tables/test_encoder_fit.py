"""Encoders fitted on the training rows give what scikit-learn's own transforms give."""

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from tests.training.data.sources import refusal
from torchferry.contract.encoders import Encoder, encode
from torchferry.training.data.tables.columns import Column
from torchferry.training.data.tables.encoder_fit import fitted

DRAWN = np.random.default_rng(3)
AGE = np.where(DRAWN.random(80) < 0.2, np.nan, DRAWN.normal(40, 9, 80))
PORT = DRAWN.choice(np.array(["S", "C", "Q", "Köln", "a=b"], object), 80)
PORT[DRAWN.random(80) < 0.2] = None
PORT[70:75] = "only in the test set"
TRAIN = np.arange(60)
COLUMNS = [Column(name="age", kind="number", values=AGE), Column(name="port", kind="category", values=PORT)]


def test_filled_columns_are_those_of_scikit_learn() -> None:
    encoders = fitted(COLUMNS, TRAIN, "fill", "t")
    median = SimpleImputer(strategy="median").fit(AGE[TRAIN, None])
    most = SimpleImputer(strategy="most_frequent", missing_values=None).fit(PORT[TRAIN, None])
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(most.transform(PORT[TRAIN, None]))
    expected = np.hstack([median.transform(AGE[:, None]), one_hot.transform(most.transform(PORT[:, None]))])
    np.testing.assert_array_equal(encode(encoders, [AGE, PORT]), expected)


def test_indicators_are_those_of_scikit_learn() -> None:
    encoders = fitted(COLUMNS, TRAIN, "indicator", "t")
    median = SimpleImputer(strategy="median", add_indicator=True).fit(AGE[TRAIN, None])
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(PORT[TRAIN, None])  # None is its last
    expected = np.hstack([median.transform(AGE[:, None]), one_hot.transform(PORT[:, None])])
    np.testing.assert_array_equal(encode(encoders, [AGE, PORT]), expected)


def test_without_gaps_nothing_is_filled() -> None:
    whole = [
        Column(name="a", kind="number", values=np.arange(3.0)),
        Column(name="d", kind="date", values=np.arange(3.0)),
    ]
    assert fitted(whole, np.arange(3), "error", "t") == (Encoder(column="a"), Encoder(column="d", kind="date"))
    filled, _ = fitted(whole, np.arange(3), "indicator", "t")
    assert (filled.fill, filled.indicator) == (1.0, False)


def test_a_gap_after_training_is_filled_where_training_had_none() -> None:
    values = np.array(["u", "v", "v", None], object)
    (encoder,) = fitted([Column(name="k", kind="category", values=values)], np.arange(3), "indicator", "t")
    assert encoder.encode(values).tolist() == [[1, 0], [0, 1], [0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            [Column(name="a", kind="number", values=np.array([np.nan, 1]))],
            "t: column 'a' has no value in any training row",
        ),
        (
            [
                Column(name="k", kind="category", values=np.array(["u", "v"], object)),
                Column(name="k=u", kind="number", values=np.arange(2.0)),
            ],
            "t: two encoded columns would be named 'k=u'; rename one of the table's",
        ),
    ],
)
def test_what_cannot_be_encoded_is_named(columns: list[Column], words: str) -> None:
    assert refusal(lambda: fitted(columns, np.arange(1), "fill", "t")).startswith(words)
