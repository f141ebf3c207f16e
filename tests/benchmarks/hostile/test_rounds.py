"""Honest requests alone and beside the attack: what is made of the rounds."""

import pytest

from torchferry.benchmarks.hostile.honest import Found
from torchferry.benchmarks.hostile.rounds import ALONE, ATTACKED, differences, figures, table
from torchferry.benchmarks.rounds import Rounds


def found(p100: float, failed: int = 0) -> Found:
    return {
        "p100 ms": p100,
        "p99 ms": 2,
        "p50 ms": 1,
        "failed": failed,
        "requests": 500,
        "generator late ms": 0.1,
    }


def test_p100_is_compared_within_a_round() -> None:
    rounds = Rounds({ALONE: [found(10), found(20)], ATTACKED: [found(110), found(40)]})
    assert differences(rounds) == [100, 20]
    assert figures(rounds)["attacked p100 ms"].values == [110, 40]


@pytest.mark.parametrize(("p100", "verdict"), [(259, "met"), (261, "missed")])
def test_the_goal_is_for_the_worst_round(p100: float, verdict: str) -> None:
    rounds = Rounds({ALONE: [found(10), found(10)], ATTACKED: [found(20), found(p100, failed=3)]})
    *_, alone, attacked, last = table(rounds).splitlines()
    assert alone.split() == ["alone", "1.00", "2.00", "10.00", "0", "1,000", "0.10"]
    assert attacked.split() == ["attacked", "1.00", "2.00", f"{p100:.2f}", "3", "1,000", "0.10"]
    assert last.endswith(f"goal at most 250: {verdict}")
