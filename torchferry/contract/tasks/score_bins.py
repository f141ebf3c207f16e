"""Counts of scores, from which ranking metrics and the calibration error follow, over any samples' sums.

They are known to the width of a bin: samples whose scores fall into one count as ties. Bins are of equal width in the
logit, so that they tell apart the scores of labels that are rare, all of which are near 0.
"""

import numpy as np

BINS = 512
MOST = 16.0
"""The logit at which the last bin begins; float32 does not tell probabilities nearer to 1 apart."""
CALIBRATION = 15
"""Bins of equal width, as in Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599."""


def score_bins(scores: np.ndarray, are_true: np.ndarray) -> np.ndarray:
    """float64 [2, classes, BINS]: how many samples that are not of each class, and that are, have a score in each bin.

    `scores`: probabilities [samples, classes]; `are_true`: bool of the same shape. A NaN counts nowhere.
    """
    classes = scores.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        p = scores.astype(np.float64)
        logits = np.log(p) - np.log1p(-p)
    place = np.clip((logits + MOST) * (BINS / (2 * MOST)), 0, BINS - 1)
    known = ~np.isnan(place)
    place = np.where(known, place, 0).astype(np.int64)
    flat = (are_true * classes + np.arange(classes)) * BINS + place
    return np.bincount(flat[known], minlength=2 * classes * BINS).reshape(2, classes, BINS).astype(np.float64)


def auroc(bins: np.ndarray) -> float:
    """The mean over the classes that some samples are of and others are not; NaN where there is none."""
    others, own = bins
    below = np.cumsum(others, axis=1) - others / 2
    pairs = own.sum(axis=1) * others.sum(axis=1)
    won = (own * below).sum(axis=1)
    return float((won[pairs > 0] / pairs[pairs > 0]).mean()) if (pairs > 0).any() else float("nan")


def average_precision(bins: np.ndarray) -> float:
    """The mean over the classes that some samples are of: the sum of precision times gain in recall, from the highest
    score on, without interpolation. NaN where there is none."""
    others, own = bins[:, :, ::-1].cumsum(axis=2)
    some = own[:, -1] > 0
    if not some.any():
        return float("nan")
    with np.errstate(invalid="ignore"):
        precision = np.nan_to_num(own / (own + others))
    gain = np.diff(own, axis=1, prepend=0.0)
    return float(((precision * gain).sum(axis=1)[some] / own[some, -1]).mean())


def calibration_bins(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """float64 [3, CALIBRATION]: samples, the sum of their confidence, and how many are right, by confidence."""
    known = ~np.isnan(confidence)
    confidence, right = confidence[known].astype(np.float64), right[known]
    place = np.minimum((confidence * CALIBRATION).astype(np.int64), CALIBRATION - 1)
    counted = (np.bincount(place, weights, CALIBRATION) for weights in (None, confidence, right.astype(np.float64)))
    return np.stack([each.astype(np.float64) for each in counted])


def calibration_error(bins: np.ndarray) -> float:
    """0..1, expected: how far confidence and the share of right answers are apart."""
    samples, confidence, right = bins
    return float(np.abs(confidence - right).sum() / max(samples.sum(), 1.0))
