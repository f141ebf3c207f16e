"""Inputs named on the command line are taken by their content, expanded, and refused before a sample is made."""

import io
from pathlib import Path

import numpy as np
import pytest

from tests.serving.predict.samples import folder_of_pictures, picture
from tests.torchferry.contract.sounds import saved, tone
from torchferry.errors import UserError
from torchferry.serving.predict.inputs import Inputs
from torchferry.serving.predict.sample_files import Kind


def read(*given: object, stdin: bytes = b"", takes: Kind | None = None) -> list[tuple[str, int | None, str]]:
    inputs = Inputs([str(each) for each in given], lambda _: None, io.BytesIO(stdin), takes=takes)
    return [(sample.source, sample.row, sample.form) for sample in inputs]


def test_a_file_is_what_it_begins_as_whatever_its_name(tmp_path: Path) -> None:
    files = {"picture.csv": picture(), "rows.png.txt": b"1,2\n3,4\n", "lines.csv": b"\xef\xbb\xbf [1]\n[2]\n"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    np.save(tmp_path / "array.npy", np.zeros((1, 2)))
    assert read(*(tmp_path / name for name in (*files, "array.npy"))) == [
        (f"{tmp_path}/picture.csv", None, "file"),
        (f"{tmp_path}/rows.png.txt", 1, "row"),
        (f"{tmp_path}/rows.png.txt", 2, "row"),
        (f"{tmp_path}/lines.csv", 1, "instance"),
        (f"{tmp_path}/lines.csv", 2, "instance"),
        (f"{tmp_path}/array.npy", 1, "instance"),
    ]


def test_a_broken_picture_is_sent_as_one(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("broken")
    assert read(tmp_path / "a.jpg") == [(f"{tmp_path}/a.jpg", None, "file")]


def test_the_standard_input_may_be_anything() -> None:
    array = io.BytesIO()
    np.save(array, np.zeros((2, 1)))
    assert read("-", stdin=b"x\n1\n2\n") == [("-", 1, "row"), ("-", 2, "row")]
    assert read("-", stdin=b"[1]\n") == [("-", 1, "instance")]
    assert read("-", stdin=picture()) == [("-", None, "file")]
    assert read("-", stdin=array.getvalue()) == [("-", 1, "instance"), ("-", 2, "instance")]


def test_a_model_of_pictures_has_no_rows(tmp_path: Path) -> None:
    """What a text is not, its answer says; lines of JSON may hold pictures."""
    (tmp_path / "notes.txt").write_text("dear all, hello\n1,2\n")
    assert read(tmp_path / "notes.txt", takes="image") == [(f"{tmp_path}/notes.txt", None, "file")]
    assert read("-", stdin=b"dear all, hello\n", takes="image") == [("-", None, "file")]
    assert read("-", stdin=b'{"b64": ""}\n', takes="image") == [("-", 1, "instance")]


def test_a_model_of_numbers_has_no_folder_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("1,2\n")
    with pytest.raises(UserError, match=r"is a folder, and the model takes no pictures; give .* '.*/\*'$"):
        read(tmp_path, takes="")
    assert read(f"{tmp_path}/*", takes="") == [(f"{tmp_path}/t.csv", 1, "row")]


def test_a_quoted_glob_is_expanded_and_sorted(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path, "b/1.png", "a/2.png", "a/1.png", "c.png")
    assert [source for source, _, _ in read(tmp_path / "*" / "*.png")] == [
        f"{tmp_path}/{name}" for name in ("a/1.png", "a/2.png", "b/1.png")
    ]
    assert len(read(tmp_path / "**" / "*.png")) == 4


def test_a_file_may_be_called_like_a_glob(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path, "[a].png", "a.png")
    assert read(tmp_path / "[a].png") == [(f"{tmp_path}/[a].png", None, "file")]


def test_what_is_not_there_is_refused_before_a_sample_is_made(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path, "a.png")
    (tmp_path / "empty").mkdir()
    for wrong, words in (
        ("missing.png", r"cannot be read \(No such file or directory\); give pictures, sounds, texts, folders"),
        ("*.csv", "no file has such a name"),
        ("empty", "has no picture in it"),
    ):
        with pytest.raises(UserError, match=words):
            Inputs([str(tmp_path / "a.png"), str(tmp_path / wrong)], lambda _: None)


def test_about_how_many_samples_there_are(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path / "p", "a.png", "b.png")
    (tmp_path / "t.csv").write_text("1\n2\n3\n")
    assert Inputs([str(tmp_path / "p"), str(tmp_path / "t.csv")], lambda _: None).estimate() == 5
    assert Inputs(["-"], lambda _: None).estimate() == 0


def test_files_that_are_no_pictures_are_counted(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path, "a.png")
    (tmp_path / "b.txt").write_text("text")
    inputs = Inputs([str(tmp_path)], lambda _: None)
    assert (len(list(inputs)), inputs.left_out.count) == (1, 1)


def test_a_model_of_texts_takes_a_file_a_line_or_a_column_for_one(tmp_path: Path) -> None:
    files = {
        "mail.eml": "[free]\nmoney",
        "b.txt": "noon",
        "t.csv": "label,text\n1,free\n",
        "l.jsonl": '"free"\n"noon"\n',
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert read(*(tmp_path / name for name in files), takes="text") == [
        (f"{tmp_path}/mail.eml", None, "instance"),
        (f"{tmp_path}/b.txt", None, "instance"),
        (f"{tmp_path}/t.csv", 1, "instance"),
        (f"{tmp_path}/l.jsonl", 1, "instance"),
        (f"{tmp_path}/l.jsonl", 2, "instance"),
    ]
    assert read("-", stdin=b"free money\n\nnoon\n", takes="text") == [("-", 1, "instance"), ("-", 3, "instance")]
    assert read("-", stdin=b'{"text": "free"}\n', takes="text") == [("-", 1, "instance")]
    assert read(tmp_path, takes="text") == [(f"{tmp_path}/b.txt", None, "instance")]


def test_a_sound_is_known_by_its_content_and_what_is_none_is_sent_where_the_model_takes_sounds(tmp_path: Path) -> None:
    (tmp_path / "said").write_bytes(saved(tone(0.1)))
    (tmp_path / "notes").write_text("none")
    assert read(tmp_path / "said") == [(f"{tmp_path}/said", None, "file")]
    assert read(tmp_path / "notes", takes="audio") == [(f"{tmp_path}/notes", None, "file")]
