"""A file for each answer, and a record that says where it is or why there is none."""

from pathlib import Path

from torchferry.serving.predict.answers import FILE, Unanswered
from torchferry.serving.predict.files import Files
from torchferry.serving.predict.output_folder import OutputFolder
from torchferry.serving.predict.sample import Sample


def test_a_record_names_the_file_or_the_error(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out", "png", (), {})
    files = Files(folder)
    assert files.head({}) == "source,row,file,error\n"
    assert files.record(Sample("a.jpg", None, "file"), {FILE: b"mask"}) == "a.jpg,,a.png,\n"
    assert files.record(Sample("b.npy", 3, "instance"), {FILE: b"mask"}) == "b.npy,3,b-3.png,\n"
    assert files.record(Sample("c.jpg", None, "file"), Unanswered("is no picture")) == "c.jpg,,,is no picture\n"
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["a.png", "b-3.png"]
    folder.close()
