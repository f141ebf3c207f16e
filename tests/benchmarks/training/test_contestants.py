"""The trainers by name."""

import sys

import pytest

from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.contestants import CONTESTANTS, NEEDS, chosen
from torchferry.errors import UserError


def test_those_are_chosen_that_were_asked_for_in_that_order() -> None:
    assert list(chosen(["bare", "ours"])) == ["bare", "ours"]
    assert chosen(["ours"]) == {"ours": ours.measure}


def test_a_name_that_nobody_has_is_refused() -> None:
    with pytest.raises(UserError, match=r"^--trainers: there is no 'mine'; choose of ours, bare, fabric, accelerate$"):
        chosen(["ours", "mine"])


@pytest.mark.parametrize(("name", "library"), NEEDS.items())
def test_a_trainer_whose_library_is_missing_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    assert name in CONTESTANTS
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=rf'^--trainers: {name} is not installed; pip install "\.\[bench\]" or leave'):
        chosen(["bare", name])
