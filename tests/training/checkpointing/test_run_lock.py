"""One process holds a run; a dead one's is free, and who was taken over learns of it before it writes."""

import json
import os
import threading
from dataclasses import replace
from typing import Any

import pytest

from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing import run_lock
from torchferry.training.checkpointing.run_lock import RunLock

ELSEWHERE: dict[str, Any] = {"machine": "another boot", "host": "other", "pid": 7}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease of fractions of a second."""
    for name, seconds in {"RENEW_SECONDS": 0.05, "LEASE_SECONDS": 0.4, "PAUSE": 0.02}.items():
        monkeypatch.setattr(run_lock, name, seconds)


def lock(url: str, launch: str = "job", **holder: Any) -> RunLock:
    made = RunLock(ObjectStore(url), "digits", launch)
    made.mine = replace(made.mine, **holder)
    return made


def stale(url: str, launch: str = "job", **holder: Any) -> RunLock:
    """A lock whose holder was killed: nobody renews it."""
    made = lock(url, launch, **holder)
    made.ended.set()  # its thread ends at once
    made.take()
    assert made.thread is not None
    made.thread.join()
    made.ended.clear()
    return made


def files(url: str) -> list[str]:
    return ObjectStore(url).names("digits/.lock")


def test_who_lives_here_keeps_it_and_is_named(url: str) -> None:
    first, second = lock(url), lock(url)
    first.take()
    with pytest.raises(
        UserError, match=rf"digits: is in use by process {os.getpid()} on .* since 2.*; wait for its end"
    ):
        second.take()
    first.check()
    first.release()
    assert files(url) == []
    second.take()
    second.release()


def test_who_was_killed_here_has_lost_it_at_once(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    stale(url, started="1")
    mine = lock(url, "another")
    mine.take()
    assert files(url) == ["2.json"]
    mine.release()
    assert (files(url), capfd.readouterr().err) == ([], "")


def test_who_renews_it_elsewhere_keeps_it(url: str) -> None:
    first = lock(url, **ELSEWHERE)
    first.take()
    with pytest.raises(UserError, match=r"digits: is in use by process 7 on other since .*; wait for its end, or give"):
        lock(url, "another").take()
    first.check()
    first.release()


def test_who_is_silent_elsewhere_is_waited_for(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    first = stale(url, **ELSEWHERE)
    mine = lock(url, "another")
    mine.take()
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "is held by process 7 on other since " in said
    assert "; waits up to 0 s for a sign of life" in said
    with pytest.raises(UserError, match=r"digits: was taken over by process .*, while this process stood still"):
        first.check()
    first.release()
    assert files(url) == ["2.json"]
    mine.release()


def test_a_restart_of_the_same_job_takes_it_at_once_from_elsewhere(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    stale(url, **ELSEWHERE)
    mine = lock(url)
    mine.take()
    assert capfd.readouterr().err == ""
    mine.release()


def test_a_damaged_lock_is_waited_for(url: str) -> None:
    ObjectStore(url).write("digits/.lock/3.json", b"\xff")
    mine = lock(url)
    mine.take()
    assert files(url) == ["4.json"]
    mine.release()


def test_a_write_that_arrived_unseen_is_no_loss(url: str) -> None:
    mine = stale(url)
    ObjectStore(url).write("digits/.lock/1.json", mine.mine.to_json(99))
    mine.check()
    mine.release()
    assert files(url) == []


def test_what_one_left_that_was_killed_while_it_took_over_is_in_nobodys_way(url: str) -> None:
    dead = stale(url, started="1")
    ObjectStore(url).write("digits/.lock/2.json", dead.mine.to_json(0))
    mine = lock(url)
    mine.take()
    assert files(url) == ["3.json"]
    mine.release()
    assert files(url) == []


def test_of_many_at_once_one_gets_it(url: str) -> None:
    """Also where all of them find the lock of a dead one."""
    for round_ in range(3):
        stale(url, "killed", started="1")
        locks = [lock(url, f"{round_} {number}") for number in range(6)]
        got: list[RunLock] = []

        def take(each: RunLock, got: list[RunLock] = got) -> None:
            try:
                each.take()
                got.append(each)
            except UserError:
                pass

        threads = [threading.Thread(target=take, args=(each,)) for each in locks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (winner,) = got
        (file,) = files(url)
        assert json.loads(ObjectStore(url).read(f"digits/.lock/{file}") or b"")["token"] == winner.mine.token
        winner.check()
        winner.release()
    assert files(url) == []


def test_who_was_taken_over_while_it_renews_learns_of_it(url: str) -> None:
    first = lock(url, **ELSEWHERE)
    first.take()
    second = lock(url)  # a restart of the same job
    second.take()
    assert first.thread is not None
    first.thread.join(9)
    assert first.lost is not None
    second.check()
    second.release()
    first.release()
    assert files(url) == []
