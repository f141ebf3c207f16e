"""Evaluations whose numbers are none end a run, or are said; they never make a checkpoint the best."""

import math

import pytest

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.config.recipe import CheckpointConfig, EarlyStoppingConfig
from torchferry.training.errors import NotFinite
from torchferry.training.evaluation import Evaluation
from torchferry.training.trainer.check_result import check_result

KNOWN = {"loss": 1.0, "r2": 0.5, "mae": 2.0}


def result(**values: float) -> Evaluation:
    given = KNOWN | values
    return Evaluation(split="test", samples=3, corrupt=0, values=given, score=given["r2"], told=("r2", "mae"), shown=[])


def test_numbers_are_said_nothing_of() -> None:
    assert check_result(result(), tiny.recipe(), 4) is None
    assert check_result(result(mae=math.nan), tiny.recipe(), 4) is None  # other than the headline


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_run(loss: float) -> None:
    with pytest.raises(NotFinite, match=f"^the loss of the test set is {loss} after step 4; "):
        check_result(result(loss=loss), tiny.recipe(), 4)


def test_a_test_set_that_tells_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"^data.source: the test set has nothing to judge by: r2, mae are all NaN"):
        check_result(result(r2=math.nan, mae=math.nan), tiny.recipe(), 4)


def test_an_unknown_headline_is_said_or_refused_where_the_recipe_chooses_by_it() -> None:
    unknown = result(r2=math.nan)

    assert check_result(unknown, tiny.recipe(), 4) == (
        "r2 cannot be computed of the test set's 3 samples, so no checkpoint is the best"
    )
    for change, words in (
        ({"checkpoint": CheckpointConfig(export="best")}, "checkpoint.export: best is the checkpoint of the highest"),
        ({"early_stopping": EarlyStoppingConfig(patience=1)}, "early_stopping.patience: waits for a higher r2"),
    ):
        with pytest.raises(UserError, match=f"^{words}"):
            check_result(unknown, tiny.recipe(**change), 4)
