"""Each line an instance or a whole request; a file of one value over several lines is one sample."""

import pytest

from torchferry.errors import UserError
from torchferry.serving.predict.json_lines import instances


def read(text: str) -> list[tuple[int | None, str, bytes]]:
    found = instances(text.splitlines(keepends=True), "a.jsonl")
    return [(sample.row, sample.form, sample.content) for sample in found]


def test_records_lists_and_pictures_are_instances() -> None:
    assert read('{"age": 3}\n\n[1, 2]\n{"b64": "AA=="}\n') == [
        (1, "instance", b'{"age": 3}'),
        (3, "instance", b"[1, 2]"),
        (4, "instance", b'{"b64": "AA=="}'),
    ]


@pytest.mark.parametrize("blank", ["\n", " \n\r\n"])
def test_blank_lines_are_passed_over_as_pandas_does(blank: str) -> None:
    lines = blank.count("\n")
    assert read(f'{blank}{{"age": 3}}\n{blank}[1]\n') == [
        (1 + lines, "instance", b'{"age": 3}'),
        (2 + 2 * lines, "instance", b"[1]"),
    ]
    assert read(f'{blank}[{{"age": 3}}]\n{blank}') == [(1, "instance", b'{"age": 3}')]


def test_what_has_a_requests_list_is_one() -> None:
    assert [form for _, form, _ in read('{"inputs": []}\n{"instances": [1]}\n{"inputs": 3}\n')] == [
        "request",
        "request",
        "instance",
    ]


def test_a_line_that_is_no_json_is_wrong_alone() -> None:
    first, wrong, last = read("[1]\n1,2\n[3]\n")
    assert (first[1], last[1]) == ("instance", "instance")
    assert (wrong[0], wrong[1]) == (2, "wrong")
    assert wrong[2].startswith(b"is not JSON (")


def test_one_value_may_have_several_lines() -> None:
    assert read('{\n "inputs": []\n}\n') == [(1, "request", b'{\n "inputs": []\n}')]


def test_what_only_begins_as_json_is_refused() -> None:
    with pytest.raises(UserError, match=r"^a\.jsonl: begins as JSON, and its first line is none"):
        read("[1, 2\n[3]\n")


@pytest.mark.parametrize("text", ['[{"age": 3}, {"age": 4}]\n\n', '[\n {"age": 3},\n {"age": 4}\n]'])
def test_a_list_of_records_has_a_sample_for_each(text: str) -> None:
    assert read(text) == [(1, "instance", b'{"age": 3}'), (2, "instance", b'{"age": 4}')]


def test_a_record_of_a_list_has_each_name_once() -> None:
    with pytest.raises(UserError, match=r"^a\.jsonl: an object has 'age' more than once$"):
        read('[{"age": 3, "age": 4}]\n')


def test_a_list_of_records_is_alone_in_its_file() -> None:
    with pytest.raises(UserError, match=r"^a\.jsonl: more follows the list that it begins with; give one list, or"):
        read('[{"age": 3}]\n{"age": 4}\n')
    first, wrong = read('{"age": 3}\n[{"age": 4}, {"age": 5}]\n')
    assert first[1] == "instance"
    assert wrong == (2, "wrong", b"is a list of records; give each of them a line of its own")
