"""The file is its own state: what is whole in it counts, and what does not fit to the inputs is refused."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving.predict.samples import row
from torchferry.errors import UserError
from torchferry.serving.predict.output_file import OutputFile
from torchferry.serving.predict.sample import Sample

ABOUT = {"model": "tiny 1.0", "top_k": None}
Open = Callable[..., OutputFile]
HEAD = "source,row,label,error\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.csv"


@pytest.fixture
def open_file(path: Path) -> Iterator[Open]:
    opened: list[OutputFile] = []

    def open_one(text: str = "", format_: str = "csv", about: dict[str, Any] = ABOUT) -> OutputFile:
        """After a command that was killed when it had written `text`."""
        if text:
            first = OutputFile(path, format_, ABOUT)
            first.append(text)
            first.close()
        opened.append(OutputFile(path, format_, about))
        return opened[-1]

    yield open_one
    for output in opened:
        output.close()


def test_a_new_one_says_first_what_it_is_about(path: Path, open_file: Open) -> None:
    output = open_file()
    assert (output.is_new, output.done, output.unanswered) == (True, 0, 0)
    assert json.loads((path.parent / "out.csv.about.json").read_text()) == {
        "schema": "torchferry.predictions/1",
        "format": "csv",
        **ABOUT,
    }


def test_one_in_which_nothing_was_written_leaves_nothing(path: Path, open_file: Open) -> None:
    open_file().close()
    assert list(path.parent.iterdir()) == []


def test_it_goes_on_after_the_last_whole_record(path: Path, open_file: Open) -> None:
    output = open_file(f"{HEAD}rows.csv,1,yes,\nrows.csv,2,,wrong\nrows.csv,3,n")
    assert (output.is_new, output.done, output.unanswered, output.columns()) == (False, 2, 1, ("label",))
    assert path.read_text() == f"{HEAD}rows.csv,1,yes,\nrows.csv,2,,wrong\n"
    samples = [row(number) for number in (1, 2, 3)]
    assert list(output.checked(samples)) == samples


def test_half_a_head_is_none(path: Path, open_file: Open) -> None:
    output = open_file("source,ro")
    assert (output.is_new, output.done, path.read_text()) == (True, 0, "")


def test_a_torn_record_may_be_long(path: Path, open_file: Open) -> None:
    output = open_file(f"{HEAD}rows.csv,1,yes,\nrows.csv,2,{'x' * 200_000}")
    assert (output.done, path.read_text()) == (1, f"{HEAD}rows.csv,1,yes,\n")


def test_json_lines_go_on_too(open_file: Open) -> None:
    lines = '{"source": "rows.csv", "row": 1, "label": "a"}\n{"source": "rows.csv", "row": 2, "error": "b"}\n{"sou'
    output = open_file(lines, "jsonl")
    assert (output.done, output.unanswered) == (2, 1)
    assert list(output.checked([row(1), row(2)])) == [row(1), row(2)]


def test_names_need_not_be_utf_8_nor_one_line(open_file: Open) -> None:
    output = open_file(f"{HEAD}a\udcff\\n.png,,yes,\n")
    odd = Sample("a\udcff\n.png", None, "file")
    assert list(output.checked([odd])) == [odd]


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([row(1), row(3)], r"its record 2 is of rows\.csv: row 2, where the inputs now have rows\.csv: row 3"),
        ([row(1)], "it has more records than the inputs have samples"),
    ],
)
def test_other_inputs_are_refused(path: Path, open_file: Open, samples: list[Sample], words: str) -> None:
    output = open_file(f"{HEAD}rows.csv,1,yes,\nrows.csv,2,no,\n")
    with pytest.raises(UserError, match=f"^--output: {path} cannot go on: {words}; give another name, or remove it$"):
        list(output.checked(samples))


def test_another_model_is_refused(path: Path, open_file: Open) -> None:
    open_file(f"{HEAD}rows.csv,1,yes,\n").close()
    with pytest.raises(UserError, match=r"it was begun with model tiny 1\.0, and this is model tiny 2\.0; give"):
        open_file(about=ABOUT | {"model": "tiny 2.0"})
    assert path.read_text() == f"{HEAD}rows.csv,1,yes,\n"


def test_a_file_of_something_else_is_left_alone(path: Path, open_file: Open) -> None:
    path.write_text("my notes")
    with pytest.raises(UserError, match=r"exists, and no out\.csv\.about\.json beside it says that predict has begun"):
        open_file()
    assert path.read_text() == "my notes"


def test_what_is_no_record_is_refused(open_file: Open) -> None:
    with pytest.raises(UserError, match="cannot go on: it holds what is no record"):
        open_file(f"{HEAD}rows.csv,one,yes,\n")


def test_two_do_not_write_one_file(path: Path, open_file: Open) -> None:
    output = open_file()
    with pytest.raises(UserError, match=f"^{path}: another predict is writing it$"):
        open_file()
    output.close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--output: .*out\.csv cannot be written \(No such file or directory\)$"):
        OutputFile(tmp_path / "nowhere" / "out.csv", "csv", ABOUT)
