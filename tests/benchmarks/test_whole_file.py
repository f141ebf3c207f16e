"""Result files are written atomically; links and pipes are written through."""

import os
from pathlib import Path

import pytest

from torchferry.benchmarks.whole_file import write_whole
from torchferry.errors import UserError


@pytest.mark.parametrize("small_disk", [1], indirect=True)
def test_a_full_disk_leaves_what_was_there(small_disk: Path) -> None:
    target = small_disk / "result.json"
    target.write_text("before")
    with pytest.raises(UserError, match=r"^--output: .*result\.json cannot be written \(No space left on device\)$"):
        write_whole(target, "x" * 2_000_000, "--output")
    assert [path.name for path in small_disk.iterdir()] == ["result.json"]
    assert target.read_text() == "before"


def test_a_pipe_and_a_link_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_whole(tmp_path / "link", "text", "--output")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "text"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", "text", "--output")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()
