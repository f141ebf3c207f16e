"""The table of compared servers: medians over rounds, and ratios to the base of the same round."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from torchferry.benchmarks.servers.contestant import Contestant
from torchferry.benchmarks.servers.table import Row, figures, rows, table

ABOUT = {"server": "x 1", "protocol": "rest", "workers": 1, "threads": 1, "payload_bytes": 223}


def contestant(name: str, failure: str | None = None) -> Contestant:
    return cast(Contestant, SimpleNamespace(name=name, failure=failure, about=ABOUT))


def found(base: str = "ours", failure: str | None = None) -> list[Row]:
    """Of three rounds in which the machine got slower, for both."""
    fast = [{"p50 ms": 1.0 * n, "p99 ms": 9.0, "answered/s": 1200.0 / n} for n in (1, 2, 3)]
    slow = [{"p50 ms": 2.0 * n, "p99 ms": 9.0, "answered/s": 600.0 / n} for n in (1, 2, 3)]
    return rows([contestant("ours"), contestant("slow", failure)], {"ours": fast, "slow": slow}, base)


def test_each_is_compared_to_the_base_of_the_same_round() -> None:
    ours, slow = found()
    assert ours.compared == {}
    assert {name: of.median for name, of in slow.compared.items()} == {
        "p50 ms": 2,
        "answered/s": 0.5,
        "p50 ms more": 2,
    }
    assert (slow.compared["p50 ms"].low, slow.compared["p50 ms"].high) == (2, 2)


def test_one_that_failed_has_no_row() -> None:
    assert [row.name for row in found(failure="no port")] == ["ours"]


def test_without_the_base_nothing_is_compared() -> None:
    measured = found(base="bare")
    assert [row.compared for row in measured] == [{}, {}]
    assert measured[0].record()["to"] == {}
    assert "to bare" not in table(measured)


def test_the_record_has_medians_rounds_and_what_it_is_to_the_base() -> None:
    record: Any = found()[1].record()
    assert (record["name"], record["server"], len(record["rounds"])) == ("slow", "x 1", 3)
    assert record["figures"]["p50 ms"]["median"] == 4
    assert record["to"]["ours"]["answered/s"]["median"] == 0.5


def test_the_table_shows_medians_and_below_what_they_are_to_the_base() -> None:
    head, ours, slow, empty, heads, compared = table(found()).splitlines()
    assert head.split() == [
        "server",
        "protocol",
        "workers",
        "threads",
        "bytes",
        *["p50", "ms", "p99", "ms", "answered/s"],
    ]
    assert ours.split() == ["ours", "rest", "1", "1", "223", "2", "9", "600"]
    assert slow.split() == ["slow", "rest", "1", "1", "223", "4", "9", "300"]
    assert (empty, heads.split()[:2]) == ("", ["to", "ours"])
    assert compared.startswith("slow")
    assert "2.000 [2.000, 2.000]" in compared


@pytest.mark.parametrize(
    ("figure", "better"), [("answered/s", "higher"), ("p50 ms", "lower"), ("p99 ms at 50/s", "lower")]
)
def test_compare_is_told_which_way_is_better(figure: str, better: str) -> None:
    row = Row(name="ours", about=ABOUT, rounds=[{figure: 1.0}], base="ours", compared={})
    assert figures([row])[f"ours {figure}"].better == better


def test_a_rate_that_most_rounds_did_not_follow_has_no_figure() -> None:
    slow, lost = {"p99 ms at 5/s": 2.0}, {"p99 ms at 5/s": 3.0, "p99 ms at 50/s": 9.0}
    common = {"p50 ms": 1.0, "answered/s": 60.0}
    rounds = {"often": [common | slow, common | lost, common | lost], "once": [common, common | slow, common | lost]}
    measured = [Row(name=name, about=ABOUT, rounds=of, base="ours", compared={}) for name, of in rounds.items()]
    head, often, once = table(measured, [5, 50, 500]).splitlines()
    assert head.endswith("  p50 ms at 500/s  p99 ms at 500/s")
    assert often.split()[-6:] == ["—", "3", "—", "9", "—", "—"]
    assert once.split()[-6:] == ["—", "2.5", "—", "—", "—", "—"]
    assert figures(measured)["often p99 ms at 50/s"].better == "lower"
    assert "once p99 ms at 50/s" not in figures(measured)
