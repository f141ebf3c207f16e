"""An attack from a process of its own."""

import time

import pytest

from torchferry.benchmarks.hostile.attack import attacking
from torchferry.benchmarks.hostile.started import Started


def test_it_goes_on_for_as_long_as_the_block_and_tells_what_it_got(attacked: Started) -> None:
    with attacking(attacked.where, ["flood", "malformed"]) as counted:
        assert counted == {}
        time.sleep(1)
    assert list(counted) == ["flood", "malformed"]
    assert counted["flood"]["200"]


def test_an_attack_that_cannot_begin_is_an_error(attacked: Started) -> None:
    with pytest.raises(EOFError), attacking(attacked.where, ["nobody"]):
        pass
