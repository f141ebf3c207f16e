"""What is said of a text becomes a class or labels."""

from typing import Any

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.texts.text_rows import TextRows
from torchferry.training.data.texts.text_targets import class_targets, label_targets


def rows(*said: Any) -> TextRows:
    return TextRows(name="f", texts=["x"] * len(said), said=said, where=lambda row: f"f: line {row + 1}")


@pytest.mark.parametrize(
    ("said", "given", "classes", "labels"),
    [
        (("spam", " ham", "spam"), None, [1, 0, 1], ("ham", "spam")),
        (("10", "9", 9.0), None, [1, 0, 0], ("9", "10")),
        ((True, False), None, [1, 0], ("false", "true")),
        (("b", "b"), ["b", "a"], [0, 0], ("b", "a")),
        (("NA", "x"), ["NA", "x"], [0, 1], ("NA", "x")),
    ],
)
def test_classes(said: tuple[Any, ...], given: list[str] | None, classes: list[int], labels: tuple[str, ...]) -> None:
    numbers, names = class_targets(rows(*said), given)
    assert (numbers.tolist(), names) == (classes, labels)


@pytest.mark.parametrize(
    ("said", "given", "words"),
    [
        (("a", None), None, "f: line 2: has no label (null)"),
        (("a", ""), None, 'f: line 2: has no label ("")'),
        (
            ("a", "NA"),
            None,
            'f: line 2: has no label ("NA"); a class of that name has to be in data.source.args.labels',
        ),
        (("a", ["b"]), None, 'f: line 2: has no label (["b"])'),
        (("a", 1.5), None, "f: line 2: has no label (1.5)"),
        (("spam", "hma"), ["ham", "spam"], "f: line 2: 'hma' is none of the labels ham, spam; did you mean ham?"),
        (("a",), ["a", "a"], "data.source.args.labels: ['a', 'a'] name one twice"),
    ],
)
def test_what_is_no_class_is_refused(said: tuple[Any, ...], given: list[str] | None, words: str) -> None:
    assert refusal(lambda: class_targets(rows(*said), given)) == words


def test_labels_of_one_column_are_lists_or_names_between_separators() -> None:
    targets, names = label_targets(rows(["b", "a"], "c| b", "", None, []), None, "tags", "|")
    assert names == ("a", "b", "c")
    assert targets.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert label_targets(rows("x, y"), ["y", "x", "z"], None, ",")[0].tolist() == [[1, 1, 0]]


def test_columns_of_labels_hold_0_and_1() -> None:
    targets, names = label_targets(rows(("1", "0"), (True, 0.0), ("", "Yes")), None, ["toxic", "rude"], "|")
    assert (targets.tolist(), names) == ([[1, 0], [1, 0], [0, 1]], ("toxic", "rude"))


@pytest.mark.parametrize(
    ("said", "given", "target", "words"),
    [
        (({"a": 1},), None, "t", "f: line 1: {\"a\": 1} are no labels; a list of names, or names with '|' between"),
        (("a|d",), ["a", "b"], "t", "f: line 1: 'd' is none of the labels a, b"),
        ((("2", "0"),), None, ["a", "b"], "f: line 1: '2' is neither 0 nor 1, which a column of a label has"),
        (
            (("1", "0"),),
            ["a"],
            ["a", "b"],
            "data.source.args.labels: the columns in target are the labels already; leav",
        ),
    ],
)
def test_what_are_no_labels_is_refused(said: Any, given: list[str] | None, target: Any, words: str) -> None:
    assert refusal(lambda: label_targets(rows(*said), given, target, "|")).startswith(words)
