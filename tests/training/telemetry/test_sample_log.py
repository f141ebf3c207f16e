"""The log of samples reads, after a restart, as if nothing had happened."""

import contextlib
from pathlib import Path

import pytest
import torch

from torchferry.training.telemetry.sample_log import NoSampleLog, SampleLog, cut


def test_a_step_is_one_line_of_all_its_batches_in_order(tmp_path: Path) -> None:
    log = SampleLog(tmp_path, 3)
    log.add(torch.tensor([5, 2]))
    log.add(torch.tensor([9]))
    log.flush(1)
    log.add(torch.tensor([0, 7]))
    log.flush(2)
    assert (tmp_path / "samples-3.csv").read_text() == "1,5,2,9\n2,0,7\n"
    log.file.close()


def test_it_goes_on_at_the_end_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "samples-0.csv").write_text("1,4\n")
    log = SampleLog(tmp_path, 0)
    log.add(torch.tensor([6]))
    log.flush(2)
    assert (tmp_path / "samples-0.csv").read_text() == "1,4\n2,6\n"
    log.file.close()


def test_what_comes_after_the_step_is_cut_for_every_rank_there_was(tmp_path: Path) -> None:
    for rank in (0, 11):
        (tmp_path / f"samples-{rank}.csv").write_text("9,1\n10,2\n11,3\n")
    (tmp_path / "metrics.csv").write_text("99,1\n")
    cut(tmp_path, 10)
    assert [(tmp_path / f"samples-{rank}.csv").read_text() for rank in (0, 11)] == ["9,1\n10,2\n"] * 2
    assert (tmp_path / "metrics.csv").read_text() == "99,1\n"


@pytest.mark.parametrize("broken", ["2,7", "2,\n", "two,7\n", "\n", ",3\n", "2,7,\n", "1.5,3\n"])
def test_a_line_that_a_kill_has_spoiled_is_dropped(broken: str, tmp_path: Path) -> None:
    (tmp_path / "samples-0.csv").write_text("1,4\n" + broken)
    cut(tmp_path, 5)
    assert (tmp_path / "samples-0.csv").read_text() == "1,4\n"


def test_a_full_disk_is_said_and_ends_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "samples-0.csv").symlink_to("/dev/full")
    log = SampleLog(tmp_path, 0)
    log.add(torch.tensor([6]))
    log.flush(1)
    assert "samples-0.csv: cannot be written (No space left on device)\n" in capfd.readouterr().err
    assert log.indices == []
    with contextlib.suppress(OSError):
        log.file.close()


def test_without_a_log_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = NoSampleLog()
    log.add(torch.tensor([6]))
    log.flush(1)
    assert list(tmp_path.iterdir()) == []
