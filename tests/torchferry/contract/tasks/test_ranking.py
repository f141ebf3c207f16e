"""Labels are told best first; one whose number is missing is told as nobody's."""

import jsonschema
import numpy as np
import pytest

from torchferry.contract.tasks.ranking import as_object, ranked, ranked_schema, read_ranked
from torchferry.errors import UserError

LABELS = ("ant", "bee", "cat")


def test_the_best_come_first_with_their_numbers() -> None:
    bee, cat = {"label": "bee", "score": 2.5}, {"label": "cat", "score": 0.25}
    assert ranked(np.array([-1, 2.5, 0.25], np.float32), LABELS, "score", 2) == {**bee, "top_k": [bee, cat]}


def test_of_equal_ones_the_first_is_best() -> None:
    assert [each["label"] for each in ranked(np.full(3, 0.5), LABELS, "p", 5)["top_k"]] == [*LABELS]


def test_numbers_without_a_sign_are_ranked_by_their_size() -> None:
    assert ranked(np.array([7, 200, 0], np.uint8), LABELS, "score", 1)["label"] == "bee"


def test_infinities_are_ranked_and_nan_is_last_and_nobodys() -> None:
    top = ranked(np.array([np.nan, -np.inf, np.inf], np.float32), LABELS, "p", 3)["top_k"]
    assert [each["label"] for each in top] == ["cat", "bee", None]
    assert np.isnan(top[2]["p"])


@pytest.mark.parametrize("labels", [LABELS, ("cat", "cat", "bee")])
def test_the_schema_takes_them_and_no_other_label(labels: tuple[str, ...]) -> None:
    schema = as_object(ranked_schema(labels, "p"))
    jsonschema.Draft202012Validator.check_schema(schema)
    answer = ranked(np.array([0.25, 0.5, 0.125]), labels, "p", 2)
    jsonschema.validate(answer, schema)
    jsonschema.validate(answer | {"label": None, "p": None}, schema)
    for wrong in (answer | {"label": "dog"}, answer | {"p": "high"}, {"label": "cat", "p": 1.0}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_a_ranking_of_all_is_read_back_and_another_refused() -> None:
    numbers = np.array([np.nan, -1.0, 2.5])
    np.testing.assert_array_equal(read_ranked(ranked(numbers, LABELS, "p", 3), LABELS, "p"), numbers)
    with pytest.raises(UserError, match="names 2 of 3 labels; ask for the top_k of them all"):
        read_ranked(ranked(numbers, LABELS, "p", 2), LABELS, "p")
    with pytest.raises(UserError, match="ask for the top_k"):  # of two of one name nobody knows which is which
        read_ranked(ranked(numbers, ("cat", "cat", "bee"), "p", 3), ("cat", "cat", "bee"), "p")
