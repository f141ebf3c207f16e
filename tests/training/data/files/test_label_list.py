"""Reading a list of files with labels: columns by their usual names, and nothing guessed."""

from pathlib import Path

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.files.label_list import Columns, Labelled, read_list


def read(folder: Path, text: str, columns: Columns = Columns(), **args: object) -> list[Labelled]:  # noqa: B008
    path = folder / "list.csv"
    path.write_bytes(text.encode())
    return read_list(path, columns, **{"delimiter": None, "suffix": "", "labels": None} | args)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["path", "file", "filename", "image", "Image"])
@pytest.mark.parametrize("label", ["label", "class"])
def test_columns_go_by_their_usual_names(path: str, label: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"width,{label},{path}\r\n7, cat ,a.png\r\n\r\n8,dog,b.png\r\n") == [
        Labelled(2, "a.png", "cat", None),
        Labelled(4, "b.png", "dog", None),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_first_lines(delimiter: str, tmp_path: Path) -> None:
    text = "\ufeffpath,label,split\na.png,cat,train\n".replace(",", delimiter)
    assert read(tmp_path, text) == [Labelled(2, "a.png", "cat", "train")]


def test_quotes_may_hold_delimiters_and_ids_get_their_suffix(tmp_path: Path) -> None:
    assert read(tmp_path, 'id,label\n"a, b","cat, big"\n', suffix=".jpg") == [Labelled(2, "a, b.jpg", "cat, big", None)]
    columns = Columns("who", "what", "where")
    assert read(tmp_path, "where,what,who,label\nx,1,a,9\n", columns) == [Labelled(2, "a", "1", "x")]


def test_a_missing_label_is_refused_unless_it_is_a_class(tmp_path: Path) -> None:
    for word in ("NA", "NaN", "null", "N/A", "None"):
        words = refusal(lambda word=word: read(tmp_path, f"path,label\na.png,cat\nb.png,{word}\n"))  # type: ignore[misc]
        assert words.startswith(f"{tmp_path}/list.csv: line 3: b.png has no label ('{word}'); a class of that name has")
    assert refusal(lambda: read(tmp_path, "path,label\nb.png,\n")).endswith("line 2: b.png has no label ('')")
    assert read(tmp_path, "path,label\nb.png,None\n", labels=["None"])[0].label == "None"


@pytest.mark.parametrize(
    ("text", "columns", "words"),
    [
        ("", Columns(), "none of its columns  is named path"),
        ("path,label\n", Columns(), "lists no files"),
        (
            "a.png,cat\nb.png,dog\n",
            Columns(),
            "none of its columns a.png, cat is named path, file, filename, image, audio; giv",
        ),
        (
            "path,tag\na,b\n",
            Columns(),
            "none of its columns path, tag is named label, class; give data.source.args.label",
        ),
        ("id,label\na,b\n", Columns(), "data.source.args.path_column; ids without an ending need a suffix"),
        (
            "path,file,label\na,b,c\n",
            Columns(),
            "columns path and file could both be meant; give data.source.args.path_c",
        ),
        ("path,label,class\na,b,c\n", Columns(), "columns label and class could both be meant"),
        ("path,label\na,b\n", Columns("name"), "data.source.args.path_column: "),
        ("path,label,path\na,b,c\n", Columns("path"), "has more than one column 'path'"),
        ("path,label;x\na,b\n", Columns(), "its first line has ',' and ';'; give data.source.args.delimiter"),
        ("path,label\na,b,c\n", Columns(), "line 2 has 3 cells; its first line has 2"),
        ("path,label\n ,b\n", Columns(), "line 2 has no path"),
        ("path,label\na,b\na,c\n", Columns(), "a is b in line 2 and c in line 3; a file has one label"),
        ("path,label,split\na,b,train\na,b,test\n", Columns(), "a is in train in line 2 and in test in line 3"),
    ],
)
def test_what_could_be_meant_in_two_ways_is_refused(text: str, columns: Columns, words: str, tmp_path: Path) -> None:
    assert words in refusal(lambda: read(tmp_path, text, columns))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"\x1f\x8b damaged")
    words = refusal(lambda: read_list(tmp_path / "list.csv", Columns(), None, "", None))
    assert "list.csv: cannot be read as a list in UTF-8: " in words
    words = refusal(lambda: read_list(tmp_path / "none.csv", Columns(), None, "", None))
    assert "none.csv: cannot be read as a list in UTF-8: FileNotFoundError" in words
