"""Counts of scores give what the scores would, to the width of a bin, of rare classes too."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from torchferry.contract.tasks.score_bins import (
    BINS,
    MOST,
    auroc,
    average_precision,
    calibration_bins,
    calibration_error,
    score_bins,
)


def drawn(share: float, samples: int = 5000) -> tuple[np.ndarray, np.ndarray]:
    """Scores near the share of samples that are of the class, and whether each is."""
    draw = np.random.default_rng(3)
    true = draw.random((samples, 1)) < share
    logits = draw.normal(size=(samples, 1)) + 2 * true + math.log(share / (1 - share))
    return 1 / (1 + np.exp(-logits)), true


@pytest.mark.parametrize("share", [0.5, 0.1, 0.002])
def test_ranks_are_known_to_the_width_of_a_bin(share: float) -> None:
    scores, true = drawn(share)
    bins = score_bins(scores, true)
    assert auroc(bins) == pytest.approx(roc_auc_score(true[:, 0], scores[:, 0]), abs=1e-3)
    assert average_precision(bins) == pytest.approx(average_precision_score(true[:, 0], scores[:, 0]), abs=0.02)
    logits = np.log(scores) - np.log1p(-scores)
    binned = np.floor((logits + MOST) * BINS / (2 * MOST))[:, 0]
    assert auroc(bins) == pytest.approx(roc_auc_score(true[:, 0], binned), abs=1e-12)
    assert average_precision(bins) == pytest.approx(average_precision_score(true[:, 0], binned), abs=1e-12)


def test_scores_at_the_ends_and_without_a_number_have_their_place() -> None:
    scores = np.array([[0.0], [1.0], [np.nan], [1e-30]])
    bins = score_bins(scores, np.array([[False], [True], [True], [False]]))
    assert bins.shape == (2, 1, BINS)
    assert (bins[0, 0, 0], bins[1, 0, -1], bins.sum()) == (2, 1, 3)
    assert (auroc(bins), average_precision(bins)) == (1, 1)


def test_equal_scores_are_ties() -> None:
    half = np.full((4, 1), 0.5)
    bins = score_bins(half, np.array([[True], [False], [False], [False]]))
    assert (auroc(bins), average_precision(bins)) == (0.5, 0.25)


def test_classes_that_tell_nothing_are_left_out_of_the_mean() -> None:
    scores, true = np.array([[0.9, 0.1], [0.2, 0.3]]), np.array([[True, False], [False, False]])
    assert auroc(score_bins(scores, true)) == 1
    assert average_precision(score_bins(scores, true)) == 1
    nothing = score_bins(scores, np.zeros((2, 2), dtype=bool))
    assert math.isnan(auroc(nothing))
    assert math.isnan(average_precision(nothing))


def test_confidence_is_held_against_what_is_right() -> None:
    confidence, right = np.array([0.9, 0.9, 0.5, 1.0, np.nan]), np.array([True, False, True, True, False])
    # Two of 0.9 of which one is right, one of 0.5 that is, and one of 1.0 in the last bin with none beside it.
    assert calibration_error(calibration_bins(confidence, right)) == pytest.approx((0.8 + 0.5 + 0.0) / 4)
    assert calibration_error(calibration_bins(np.array([]), np.array([], dtype=bool))) == 0
