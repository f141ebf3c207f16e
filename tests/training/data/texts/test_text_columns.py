"""Columns go by their usual names, or by those that are given."""

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.texts.text_columns import TextColumns


@pytest.mark.parametrize(
    ("columns", "there", "found"),
    [
        (TextColumns(), ["id", "text", "label"], ("text", ["label"], None)),
        (TextColumns(), ["Review", "Class", "split"], ("Review", ["Class"], "split")),
        (TextColumns(text="b", target="a"), ["a", "b", "text"], ("b", ["a"], None)),
        (TextColumns(target=["x", "y"]), ["x", "message", "y"], ("message", ["x", "y"], None)),
        (TextColumns(split="part"), ["text", "label", "part"], ("text", ["label"], "part")),
    ],
)
def test_columns_are_found(columns: TextColumns, there: list[str], found: tuple[str, list[str], str | None]) -> None:
    assert columns.found("f", there) == found


@pytest.mark.parametrize(
    ("columns", "there", "words"),
    [
        (
            TextColumns(target="lable"),
            ["text", "label"],
            "data.source.args.target: f has no column 'lable'; it has text, label; did you mean label?",
        ),
        (TextColumns(target=["a", "b"]), ["text", "a"], "data.source.args.target: f has no column 'b'; it has text, a"),
        (TextColumns(), ["words", "label"], "f: none of its columns words, label is named text, sentence, content, "),
        (TextColumns(), ["text", "kind"], "f: none of its columns text, kind is named label, labels, class, category"),
        (TextColumns(), ["text", "body", "label"], "f: columns text and body could both be meant; give data.source."),
        (TextColumns(text="t"), ["t", "t", "label"], "data.source.args.text_column: f has more than one column 't'"),
    ],
)
def test_what_is_not_there_or_not_clear_is_refused(columns: TextColumns, there: list[str], words: str) -> None:
    assert refusal(lambda: columns.found("f", there)).startswith(words)
