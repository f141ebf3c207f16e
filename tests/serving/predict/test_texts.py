"""Texts to ask about: of files, of lines and of a column."""

import json

import pytest

from torchferry.errors import UserError
from torchferry.serving.predict.sample import Sample
from torchferry.serving.predict.texts import lines_of, text_of, texts_of_table


def texts(*samples: Sample) -> list[tuple[int | None, str]]:
    return [(sample.row, json.loads(sample.content)["text"]) for sample in samples]


def test_a_file_is_one_text_as_it_is() -> None:
    assert texts(text_of("\ufeff[naïve]\nand more\n".encode(), "a.txt")) == [(None, "[naïve]\nand more\n")]
    wrong = text_of(b"caf\xe9", "a.txt")
    assert (wrong.form, b"the text is not UTF-8: byte 0xe9" in wrong.content) == ("wrong", True)


def test_each_line_is_a_text_which_is_said() -> None:
    said: list[str] = []
    assert texts(*lines_of(["free\r\n", "\n", "noon"], "-", said.append)) == [(1, "free"), (3, "noon")]
    assert said == ["-: each line is taken for a text"]


def test_a_column_of_a_table_holds_the_texts() -> None:
    lines = ["label;text\n", '1;"free; money"\n', "0;noon\n", "1\n"]
    *found, wrong = texts_of_table(lines, "t.csv", "text")
    assert texts(*found) == [(1, "free; money"), (2, "noon")]
    assert (wrong.form, wrong.content) == ("wrong", b"has no cell for 'text'")


def test_a_column_that_is_missing_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"t\.csv: has no column 'text'; did you mean texts\?; --text-column says"):
        list(texts_of_table(["label,texts\n", "1,a\n"], "t.csv", "text"))
    with pytest.raises(UserError, match="it has no line"):
        list(texts_of_table([], "t.csv", "text"))
