"""From values to places on an axis, and the values that are written beside it."""

import pytest

from torchferry.benchmarks.report.scale import scale


@pytest.mark.parametrize(
    "values",
    [[0.0, 330.0], [0.875, 0.98], [3.0, 3.0], [0.0, 0.0], [-1.5, 2.5], [1e-7, 4e-3], [50, 525], [0.3, 90], [1, 1e9]],
)
@pytest.mark.parametrize("log", [False, True])
def test_an_axis_holds_its_values_between_a_few_ticks(values: list[float], log: bool) -> None:
    made = scale(values, 0, 100, log=log)
    assert made.log == (log and min(values) > 0)
    ticks = [value for value, _ in made.ticks]
    assert ticks == sorted(ticks)
    assert 2 <= len(ticks) <= 10
    assert len({text for _, text in made.ticks}) == len(ticks)
    assert (made.place(ticks[0]), round(made.place(ticks[-1]), 6)) == (0, 100)
    assert all(-1e-6 <= made.place(value) <= 100 + 1e-6 for value in values)


@pytest.mark.parametrize(
    ("values", "log", "written"),
    [
        ([0, 1e6], False, ["0", "200,000", "400,000", "600,000", "800,000", "1e+06"]),
        ([1, 3.5], False, ["1", "1.5", "2", "2.5", "3", "3.5"]),
        ([50, 525], True, ["50", "100", "200", "500", "1,000"]),
        ([1, 1000], True, ["1", "10", "100", "1,000"]),
        ([2, 4], True, ["2", "2.5", "3", "3.5", "4"]),
    ],
)
def test_ticks_are_at_round_values(values: list[float], log: bool, written: list[str]) -> None:
    assert [text for _, text in scale(values, 0, 100, log=log).ticks] == written


def test_a_logarithm_has_equal_ratios_at_equal_distances() -> None:
    made = scale([1, 100], 10, 110, log=True)
    assert [round(made.place(value), 6) for value in (1, 10, 100)] == [10, 60, 110]
    downwards = scale([0, 10], 240, 30)
    assert [downwards.place(value) for value in (0, 5, 10)] == [240, 135, 30]


def test_zero_is_on_the_axis_where_it_is_asked_for() -> None:
    assert scale([3, 4], 0, 100).low == 3
    assert scale([3, 4], 0, 100, zero=True).low == 0
    assert scale([-4, -3], 0, 100, zero=True).high == 0


def test_nothing_has_an_axis_from_zero_to_one() -> None:
    made = scale([], 0, 100, log=True)
    assert (made.low, made.high, made.log) == (0, 1, False)
