"""The parameters of a request that mean something: its time and its priority."""

import re
from typing import Any

import pytest

from torchferry.serving.errors import WrongParameter
from torchferry.serving.onnx_server.inference import PARAMETERS, Inference, Wanted, check_outputs, read_parameters


def read(**given: Any) -> Inference:
    asked = Inference({})
    read_parameters(given, asked)
    return asked


def test_without_parameters_a_request_is_interactive_and_has_no_time_of_its_own() -> None:
    asked = read(mine=[1])
    assert (asked.timeout, asked.interactive, asked.parameters) == (None, True, {"mine": [1]})


@pytest.mark.parametrize(("given", "seconds"), [(1_500_000, 1.5), ("20000", 0.02), (2.0, 2e-6), (0, None), ("", None)])
def test_a_timeout_is_in_microseconds_and_zero_is_none(given: Any, seconds: float | None) -> None:
    assert read(timeout=given).timeout == seconds


@pytest.mark.parametrize("given", [-1, "soon", "0", [1], {"a": 1}, float("nan"), float("inf"), 0.5, 10**400])
def test_a_timeout_that_is_no_time_is_refused(given: Any) -> None:
    with pytest.raises(WrongParameter, match="give microseconds above 0"):
        read(timeout=given)


@pytest.mark.parametrize(
    ("given", "interactive"),
    [("interactive", True), ("batch", False), (0, True), (1, True), (2, False), ("2", False), (2**63, False)],
)
def test_the_priority_is_a_word_or_tritons_number(given: Any, interactive: bool) -> None:
    assert read(priority=given).interactive == interactive


@pytest.mark.parametrize("given", ["first", [1], {"a": 1}, float("nan"), float("inf")])
def test_a_priority_that_means_nothing_is_refused(given: Any) -> None:
    words = f"priority is {given!r}; give interactive, batch or a number"
    with pytest.raises(WrongParameter, match=re.escape(words)):
        read(priority=given)


def test_very_many_parameters_are_not_compared_with_ours() -> None:
    assert len(read(**{f"mine{number}": 1 for number in range(PARAMETERS)}).parameters) == PARAMETERS
    with pytest.raises(WrongParameter, match="there are 65 parameters; 64 are taken"):
        read(**{f"mine{number}": 1 for number in range(PARAMETERS + 1)})


def test_an_output_that_is_asked_for_twice_is_found_among_very_many() -> None:
    """To count each of them, as a list can, would take hours."""
    wanted = [Wanted(str(number)) for number in range(300_000)]
    check_outputs(wanted)
    with pytest.raises(WrongParameter, match="the output '299999' is asked for twice"):
        check_outputs([*wanted, wanted[-1]])
