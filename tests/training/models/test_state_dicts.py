"""State_dicts are found in a checkpoint by their keys; an optimizer's state is none."""

import re
from typing import Any

import pytest
import torch

from torchferry.errors import UserError
from torchferry.training.models.state_dicts import AVERAGE, state_dicts

TENSORS = {"a": torch.ones(2)}
STATE = {"state": {"a": {"exp_avg": torch.ones(2)}}}


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (TENSORS, [""]),
        ({"model": TENSORS}, ["model"]),
        ({"model": {"module": TENSORS, "epoch": 3}}, ["model.module"]),
        (
            {"model": TENSORS, "ema": {"shadow": TENSORS}, "optimizer": STATE, "optimizer_states": STATE},
            ["model", "ema.shadow"],
        ),
        ({"state_dict": TENSORS, "loops": {}, "state": {0: TENSORS}, "lr": torch.ones(())}, ["state_dict"]),
    ],
)
def test_each_has_its_keys(content: Any, keys: list[str]) -> None:
    found = state_dicts(content, "w.pth")
    assert list(found) == keys
    assert all(value == TENSORS for value in found.values())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([torch.ones(1)], "w.pth holds a list, not a state_dict of tensors$"),
        (torch.ones(1), "holds a Tensor, not a state_dict"),
        ({}, "holds a dict, not a state_dict of tensors$"),
        ({"a": torch.ones(1), "b": 3}, "holds a dict, not a state_dict of tensors, whose b is no tensor$"),
        ({"optimizer": STATE}, "whose optimizer is no tensor"),
        ({1: torch.ones(1)}, "holds a dict, not a state_dict of tensors"),
    ],
)
def test_what_holds_none_is_refused(content: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        state_dicts(content, "w.pth")


def test_averages_go_by_their_keys() -> None:
    keys = ["ema", "model_ema", "ema.module", "state_dict_ema", "EMA", "swa", "params_avg", "averaged.x", "shadow"]
    assert [key for key in keys if not AVERAGE.search(key)] == []
    assert [key for key in ["model", "schema", "average_pool_x", "state_dict", "remake"] if AVERAGE.search(key)] == [
        "average_pool_x"
    ]
    assert isinstance(AVERAGE, re.Pattern)
