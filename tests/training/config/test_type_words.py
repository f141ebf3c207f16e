from pathlib import Path
from typing import Any, Literal

import pytest

from torchferry.training.config.instantiate import Component
from torchferry.training.config.type_words import choices, in_words


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "a whole number"),
        (float | None, "a number or null"),
        (Literal["fp32", "bf16"], "fp32 or bf16"),
        (list[str] | int, "a list of which each is text or a whole number"),
        (list[Any], "a list"),
        (dict[str, Any], "a mapping"),
        (Path, "a path"),
        (Component, "a mapping of name, args"),
        (list[Component], "a list of which each is a mapping of name, args"),
        (complex, "complex"),
        (Any, "anything"),
    ],
)
def test_a_type_is_in_a_readers_words(hint: Any, words: str) -> None:
    assert in_words(hint) == words


def test_choices_are_the_words_that_a_type_lists() -> None:
    assert choices(Literal["a", "b"] | None) == ("a", "b")
    assert choices(int) == ()
