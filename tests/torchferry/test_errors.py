"""The class of each error, by which the command picks an exit code."""

import errno
import pickle

import pytest

from torchferry.errors import GateError, Missing, ServerFault, StoreError, StoreRefused, UserError, in_one_line, some


@pytest.mark.parametrize("kind", [StoreError, Missing, StoreRefused])
def test_a_stores_error_is_a_fault_and_an_os_error_that_reaches_another_process(kind: type[StoreError]) -> None:
    error = pickle.loads(pickle.dumps(kind(errno.EACCES, "denied", "s3://bucket/file")))
    assert (type(error), str(error), error.errno) == (kind, "s3://bucket/file: denied", errno.EACCES)
    assert isinstance(error, OSError)
    assert isinstance(error, ServerFault)


@pytest.mark.parametrize("kind", [GateError, ServerFault, StoreRefused])
def test_only_wrong_input_is_wrong_input(kind: type[Exception]) -> None:
    """What is damaged is passed over, and rights that are missing are no damage."""
    assert not issubclass(kind, UserError)


@pytest.mark.parametrize(
    ("names", "words"), [((), ""), (("a",), "a"), (("a", "b"), "a, b"), (("a", "b", "c", "d"), "a, b and 2 more")]
)
def test_of_many_names_the_first_are_said(names: tuple[str, ...], words: str) -> None:
    assert some(names, 2) == words


def test_a_message_is_one_line_with_an_end() -> None:
    assert in_one_line("ein Ümlaut's \\n\n\t\x1b\u202e\udcff") == "ein Ümlaut's \\n\\n\\t\\x1b\\u202e\\udcff"
    assert len(in_one_line("a" * 5000)) < 2100
