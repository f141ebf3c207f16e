"""The ranks of one attempt find each other in torchrun's store, whatever attempts before it have left there."""

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import torch.distributed as dist

from torchferry.training.distributed.rendezvous import fresh_store

MINUTE = timedelta(seconds=60)


@pytest.fixture
def agent() -> dist.TCPStore:
    """The store of torchrun's agent."""
    return dist.TCPStore("127.0.0.1", 0, is_master=True, timeout=MINUTE)


def environ(agent: dist.TCPStore, **changes: str) -> dict[str, str]:
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(agent.port)}
    return {**address, "TORCHELASTIC_USE_AGENT_STORE": "True", **changes}


def meet(agent: dist.TCPStore, ranks: Sequence[int] = (0, 1, 2)) -> list[dist.Store]:
    with ThreadPoolExecutor(3) as threads:
        stores = list(threads.map(lambda rank: fresh_store(environ(agent), rank, 3, MINUTE), ranks))
    found = [store for store in stores if store is not None]
    assert len(found) == 3
    return found


def test_all_ranks_of_an_attempt_see_what_one_of_them_writes(agent: dist.TCPStore) -> None:
    first, *others = meet(agent)
    first.set("address", "here")
    assert [store.get("address") for store in others] == [b"here", b"here"]


def test_a_later_attempt_sees_nothing_of_one_before_it_though_its_ranks_are_numbered_anew(
    agent: dist.TCPStore,
) -> None:
    for store in meet(agent):
        store.set("address", "of a process that is dead")
    assert [store.check(["address"]) for store in meet(agent, (2, 0, 1))] == [False] * 3


def test_a_question_of_a_dead_rank_holds_up_nobody(agent: dist.TCPStore) -> None:
    agent.set("torchferry/ask/1", "of a process that is dead")
    assert meet(agent)


@pytest.mark.parametrize("word", ["False", None])
def test_without_a_store_of_an_agent_there_is_none(word: str | None, agent: dist.TCPStore) -> None:
    given = environ(agent)
    if word is None:
        del given["TORCHELASTIC_USE_AGENT_STORE"]
    else:
        given["TORCHELASTIC_USE_AGENT_STORE"] = word
    assert fresh_store(given, 0, 2, MINUTE) is None


def test_ranks_that_do_not_come_are_counted(agent: dist.TCPStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", itertools.count(step=61).__next__)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("goes on waiting"))
    agent.set("torchferry/ask/1", "a")
    with pytest.raises(TimeoutError, match=r"^only 1 of 3 ranks came; distributed.timeout_seconds is over$"):
        fresh_store(environ(agent), 0, 3, MINUTE)
