"""Samples become requests as large as is allowed, each of one form, in their order."""

from pathlib import Path

import pytest

from tests.serving.predict.samples import instance, row
from torchferry.serving.errors import NotDecodable
from torchferry.serving.predict import question
from torchferry.serving.predict.question import body, questions
from torchferry.serving.predict.sample import Sample


def test_rows_follow_their_line_of_names() -> None:
    assert body([row(1, "1,2", "a,b\n"), row(2, "3,4", "a,b\n")]) == b"a,b\n1,2\n3,4\n"


def test_instances_are_a_list() -> None:
    assert body([instance(1, "[1]"), instance(2, '{"a": 2}')]) == b'{"instances": [[1], {"a": 2}]}'


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"picture")
    assert body([Sample(str(tmp_path / "a.png"), None, "file")]) == b"picture"
    assert body([Sample("-", None, "file", b"from a pipe")]) == b"from a pipe"


def test_a_request_is_sent_as_it_is() -> None:
    assert body([Sample("a.jsonl", 1, "request", b'{"inputs": []}')]) == b'{"inputs": []}'


def test_what_is_wrong_says_why() -> None:
    with pytest.raises(NotDecodable, match=r"^is not JSON$"):
        body([Sample("a.jsonl", 1, "wrong", b"is not JSON")])


def test_questions_are_as_large_as_is_allowed_and_know_their_place() -> None:
    made = list(questions((row(number) for number in range(7)), lambda _: 3))
    assert [(each.first, [sample.row for sample in each.samples]) for each in made] == [
        (0, [0, 1, 2]),
        (3, [3, 4, 5]),
        (6, [6]),
    ]


def test_a_question_is_about_samples_of_one_form_and_of_the_same_columns() -> None:
    samples = [row(1), instance(1, "[1]"), instance(2, "[2]"), row(1, "1", "a\n"), row(2, "2", "b\n")]
    assert [len(each.samples) for each in questions(samples, lambda _: 9)] == [1, 2, 1, 1]


def test_a_question_ends_where_it_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "MOST_BYTES", 10)
    made = questions([instance(number, "[12345]") for number in range(5)], lambda _: 100)
    assert [len(each.samples) for each in made] == [2, 2, 1]


def test_no_samples_are_no_question() -> None:
    assert list(questions([], lambda _: 3)) == []
