import pytest

from torchferry.nearest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "found"), [("optimiser", "optimizer"), ("sgd", "SGD"), ("ADAMM", "Adam"), ("zzz", None), ("", None)]
)
def test_the_nearest_word_is_found_whatever_its_capitals(word: str, found: str | None) -> None:
    assert nearest(word, ["optimizer", "SGD", "Adam"]) == found


def test_a_word_has_to_be_as_near_as_is_asked() -> None:
    assert nearest("ADAMAX", ["Adam"]) == "Adam"
    assert nearest("ADAMAX", ["Adam"], least=0.9) is None


def test_a_message_ends_with_the_nearest_word_or_with_what_else_helps() -> None:
    assert did_you_mean("lin", ["linear"]) == "; did you mean linear?"
    assert did_you_mean("zzz", ["linear"], "choose linear") == "; choose linear"
    assert did_you_mean("zzz", ["linear"]) == ""


def test_a_word_of_millions_of_letters_is_like_none() -> None:
    assert nearest("optimiser" * 10**6, ["optimizer"]) is None
