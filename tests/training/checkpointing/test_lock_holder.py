"""A holder is told alive from dead by the number and the beginning of its process, where that number means it."""

import os
import subprocess
from dataclasses import replace

import pytest

from torchferry.training.checkpointing.lock_holder import Holder, me, read_holder


def holder(**changes: object) -> Holder:
    return replace(Holder(**me(), launch="job", since="now", token="t"), **changes)  # type: ignore[arg-type]


def test_this_process_lives_and_is_here() -> None:
    assert holder().lives()
    assert holder().is_here(holder())
    assert not holder().is_here(holder(machine="another boot"))
    assert not holder(machine="").is_here(holder(machine=""))
    assert holder().in_words.startswith(f"process {os.getpid()} on ")


def test_a_number_that_was_given_again_is_another_process() -> None:
    assert not holder(started="1").lives()


def test_a_process_that_was_killed_is_dead_before_its_parent_asks() -> None:
    child = subprocess.Popen(["sleep", "99"])
    mine = holder(pid=child.pid, started=_began(child.pid))
    assert mine.lives()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes
    assert not mine.lives()
    child.wait()
    assert not mine.lives()


def _began(pid: int) -> str:
    from torchferry.training.checkpointing.lock_holder import _stat

    return _stat(pid)[1]


def test_it_is_read_as_it_was_written() -> None:
    assert read_holder(holder().to_json(3)) == holder()
    assert holder().to_json(3) != holder().to_json(4)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"count": 1}', holder(pid=-1).to_json(0), b"\xff"])
def test_what_nobody_wrote_is_no_holder(content: bytes) -> None:
    assert read_holder(content) is None
