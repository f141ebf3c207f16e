"""A folder of files: apart from what is asked about, with nobody else's files, and with names that stay."""

from pathlib import Path

import pytest

from tests.serving.predict.samples import folder_of_pictures
from torchferry.errors import UserError
from torchferry.serving.predict.output_folder import INDEX, OutputFolder
from torchferry.serving.predict.records import csv_line
from torchferry.serving.predict.sample import Sample

ABOUT = {"model": "roads 1.0"}


def opened(folder: Path, *asked: str) -> OutputFolder:
    return OutputFolder(folder, "png", asked, ABOUT)


def test_files_lie_as_their_inputs_do(tmp_path: Path) -> None:
    pictures = folder_of_pictures(tmp_path / "in", "a.jpg", "b/c.jpg")
    folder = opened(tmp_path / "out", str(pictures))
    samples = [Sample(f"{pictures}/{name}", None, "file") for name in ("a.jpg", "b/c.jpg", "d.jpg", "d.png")]
    names = [folder.write(sample, content) for sample, content in zip(samples, (b"1", b"2", None, b"4"), strict=True)]
    assert names == ["a.png", "b/c.png", "", "d_2.png"]
    assert [(tmp_path / "out" / name).read_bytes() for name in names if name] == [b"1", b"2", b"4"]
    assert not list((tmp_path / "out").rglob(".*"))
    folder.close()


def test_where_nothing_was_written_nothing_is_left(tmp_path: Path) -> None:
    opened(tmp_path / "out").close()
    assert not (tmp_path / "out").exists()
    (tmp_path / "there").mkdir()
    opened(tmp_path / "there").close()
    assert not [*(tmp_path / "there").iterdir()]


def test_it_goes_on_with_the_names_that_are_taken(tmp_path: Path) -> None:
    samples = [Sample(name, None, "file") for name in ("x/a.jpg", "y/a.jpg", "z/a.jpg")]
    folder = opened(tmp_path / "out")
    folder.append(csv_line(("source", "row", "file", "error")))
    for sample in samples[:2]:
        folder.append(csv_line((sample.source, "", folder.write(sample, b"first"), "")))
    folder.close()
    again = opened(tmp_path / "out")
    assert (again.done, [*again.checked(samples)]) == (2, samples)
    assert again.write(samples[2], b"second") == "a_3.png"
    again.close()
    with pytest.raises(UserError, match="begun with form png, and this is form svg"):
        OutputFolder(tmp_path / "out", "svg", (), ABOUT)


def test_other_files_stay_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="has other files in it; give a folder that is new or empty"):
        opened(tmp_path)
    with pytest.raises(UserError, match="cannot be a folder of files"):
        opened(tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_it_is_apart_from_what_is_asked_about(tmp_path: Path) -> None:
    pictures = folder_of_pictures(tmp_path / "in", "b/c.jpg")
    for folder in (pictures, pictures / "out", tmp_path / "else" / ".." / "in" / "b"):
        with pytest.raises(UserError, match=r"lies in .*, which is asked about; give a folder elsewhere"):
            opened(folder, str(pictures))
    for asked in (pictures / "b", pictures / "b" / "c.jpg"):
        with pytest.raises(UserError, match=rf"{asked} lies in {pictures}, and is asked about"):
            opened(pictures, str(asked))
    assert not list(tmp_path.rglob(INDEX))


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = opened(tmp_path / "out")
    (tmp_path / "out" / "a.png").mkdir()
    with pytest.raises(UserError, match=r"a\.png: cannot be written \("):
        folder.write(Sample("a.jpg", None, "file"), b"mask")
    folder.close()
