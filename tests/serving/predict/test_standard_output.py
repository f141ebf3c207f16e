import pytest

from tests.serving.predict.samples import row
from torchferry.serving.predict.standard_output import StandardOutput


def test_it_has_no_state(capsys: pytest.CaptureFixture[str]) -> None:
    output = StandardOutput()
    assert list(output.checked([row(1)])) == [row(1)]
    output.append("a line\n")
    output.close()
    assert (output.done, output.is_new, output.columns(), capsys.readouterr().out) == (0, True, (), "a line\n")


def test_a_name_that_is_not_utf_8_is_written_as_far_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    StandardOutput().append("a\udcff.png\n")
    assert capsys.readouterr().out == "a�.png\n"
