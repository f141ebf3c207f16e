"""The exit code of a measurement that a signal ended."""

import pytest

from torchferry.benchmarks.interruption import end_as, exit_code


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143), (SystemExit(None), 0), (SystemExit(2), 2)]
)
def test_the_exit_code_is_the_signals(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_what_no_signal_ended_goes_on() -> None:
    end_as(None)


@pytest.mark.parametrize("code", [143, 0])
def test_what_a_signal_ended_leaves_with_its_code(code: int) -> None:
    with pytest.raises(SystemExit) as left:
        end_as(code)
    assert left.value.code == code
