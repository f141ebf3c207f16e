"""A checkpoint names the class by its module's path, of now or of before the namespace."""

import pickle
import sys
from types import ModuleType

import pytest

from torchferry.training.state import FORMER, _Kept, former_name

FORMERLY = pickle.dumps(_Kept(3), 2).replace(b"ctorchferry.training.state\n", b"ctraining.state\n")


def test_its_path_stays() -> None:
    assert f"{_Kept.__module__}.{_Kept.__qualname__}" == "torchferry.training.state._Kept"
    assert FORMER[1].encode() in FORMERLY


@pytest.mark.parametrize("taken", [False, True])
def test_the_former_name_is_ours_for_a_while(taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FORMER:
        monkeypatch.delitem(sys.modules, name, raising=False)
        if taken:
            monkeypatch.setitem(sys.modules, name, ModuleType("theirs"))
    before = dict(sys.modules)
    with former_name():
        kept = pickle.loads(FORMERLY)
    assert isinstance(kept, _Kept)
    assert kept.content == 3
    assert sys.modules == before
