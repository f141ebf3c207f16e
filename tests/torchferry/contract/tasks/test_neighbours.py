"""What is found among others is what a full sort finds."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from torchferry.contract.tasks import neighbours
from torchferry.contract.tasks.neighbours import found

CLASSES = np.random.default_rng(0).integers(4, size=60)


def vectors(classes: np.ndarray = CLASSES) -> np.ndarray:
    random = np.random.default_rng(1)
    drawn = random.normal(size=(len(classes), 5)) + 1.5 * np.eye(5)[classes]
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def test_a_ranking_is_scored_as_scikit_learn_scores_it() -> None:
    given = vectors()
    result, cosines = found(given, CLASSES), given @ given.T
    for query in range(len(CLASSES)):
        others = np.arange(len(CLASSES)) != query
        same = CLASSES[others] == CLASSES[query]
        nearest = same[np.argsort(-cosines[query][others])]
        assert result["map"][query] == pytest.approx(average_precision_score(same, cosines[query][others]))
        assert (result["recall_at_1"][query], result["recall_at_5"][query]) == (nearest[0], nearest[:5].any())


def test_pieces_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = found(vectors(), CLASSES)
    monkeypatch.setattr(neighbours, "AT_ONCE", 7 * len(CLASSES))
    for name, values in found(vectors(), CLASSES).items():
        np.testing.assert_allclose(values, whole[name])


def test_one_vector_for_all_finds_nothing() -> None:
    same = np.tile(np.array([0.6, 0.8], np.float32), (12, 1))
    result = found(same, np.arange(12) % 2)
    assert not result["recall_at_1"].any()
    assert not result["recall_at_5"].any()


def test_a_class_of_one_sample_is_not_judged() -> None:
    result = found(vectors()[:3], np.array([0, 0, 1]))
    assert np.isnan(result["map"]).tolist() == [False, False, True]


def test_a_vector_that_is_not_a_number_is_nobodys_neighbour() -> None:
    given = vectors(np.array([0, 0, 1, 1]))
    given[1] = np.nan
    result = found(given, np.array([0, 0, 1, 1]))
    assert result["recall_at_1"][:2].tolist() == [0, 0]


def test_no_samples_are_nothing() -> None:
    assert {len(values) for values in found(np.zeros((0, 3)), np.zeros(0, np.int64)).values()} == {0}


def test_ties_stay_ties_whatever_the_last_digits_are() -> None:
    """Each vector is there once for its class and twice for others, as networks give them in batches of any size."""
    given, classes = np.repeat(vectors(), 3, axis=0), np.repeat(CLASSES, 3) + 4 * (np.arange(180) % 3 > 0)
    whole = found(given, classes)
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(scale=1e-7, size=given.shape)
        result = found((given + noise).astype(np.float32), classes)
        for name in ("recall_at_1", "recall_at_5"):
            assert np.array_equal(result[name], whole[name], equal_nan=True)
    assert 0 < np.nanmean(whole["recall_at_5"]) < 1
