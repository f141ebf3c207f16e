"""Measures in turn, and what is left of them when a signal ends them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from torchferry.benchmarks.rounds import Rounds, alternate, column

Measure = Callable[[Path], dict[str, float]]


def measured(order: list[str], name: str, value: float) -> Measure:
    def run(folder: Path) -> dict[str, float]:
        assert folder.is_absolute()
        assert folder.is_dir()
        order.append(name)
        return {"rate": value / len(order)}

    return run


def test_rounds_go_in_turn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []
    measures = {"a": measured(order, "a", 3), "b": measured(order, "b", 2)}
    found = alternate(measures, 3, title="test", scratch=tmp_path)
    assert order == ["a", "b"] * 3
    assert found.finished == len(found.of["a"]) == len(found.of["b"]) == 3
    assert column(found.whole()["a"], "rate") == [3, 1, 0.6]
    assert capsys.readouterr().err.startswith("test, round 1/3: a 3 rate\ntest, round 1/3: b 1 rate\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_a_signal_leaves_the_rounds_that_were_finished(tmp_path: Path, error: BaseException, code: int) -> None:
    order: list[str] = []

    def ended(_: Path) -> dict[str, float]:
        if len(order) == 3:
            raise error
        return {"rate": 1.0}

    found = alternate({"a": measured(order, "a", 3), "b": ended}, 5, title="test", scratch=tmp_path)
    assert (found.finished, found.interrupted) == (2, code)
    assert {name: len(results) for name, results in found.of.items()} == {"a": 2, "b": 2}
    with pytest.raises(SystemExit) as left:
        found.whole()
    assert left.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_a_measure_that_fails_ends_the_rounds(tmp_path: Path) -> None:
    def fails(folder: Path) -> dict[str, float]:
        raise ValueError(f"in {folder.parent}")

    with pytest.raises(ValueError, match=f"in {tmp_path}"):
        alternate({"a": fails}, 3, title="test", scratch=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_of_nothing_no_round_is_finished() -> None:
    assert Rounds[dict[str, float]]({}).finished == 0
