"""The process group: rank and device, results and errors shared by the leading rank, and teardown after errors."""

import errno
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist

from torchferry.errors import StoreError, StoreRefused, UserError
from torchferry.training.distributed.process_group import (
    RankInfo,
    cpu_group,
    from_the_leader,
    gathered,
    on_the_leader,
    process_group,
    rank_info_of,
    why_ranks_parted,
)
from torchferry.training.errors import RankError, RunFailed

SECOND_OF_TWO_NODES = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"} | {
    "MASTER_ADDR": "first",
    "MASTER_PORT": "29500",
}


def raises(error: Exception) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


@pytest.fixture
def gpus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the machine is said to have."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: request.param)


@pytest.mark.parametrize("gpus", [0], indirect=True)
@pytest.mark.usefixtures("gpus")
def test_a_process_that_torchrun_did_not_start_is_alone_and_leads() -> None:
    rank_info = rank_info_of({})
    assert rank_info == RankInfo(rank=0, world_size=1, device=torch.device("cpu"), local_rank=0, one_node=True)
    assert rank_info.leads


@pytest.mark.parametrize(("gpus", "device"), [(0, "cpu"), (1, "cpu"), (2, "cuda:1"), (8, "cuda:1")], indirect=["gpus"])
@pytest.mark.usefixtures("gpus")
def test_each_rank_of_a_node_has_a_gpu_of_its_own_or_none_has(device: str) -> None:
    rank_info = rank_info_of(SECOND_OF_TWO_NODES)
    assert rank_info == RankInfo(rank=3, world_size=4, device=torch.device(device), local_rank=1, one_node=False)
    assert not rank_info.leads
    assert rank_info_of(SECOND_OF_TWO_NODES | {"LOCAL_WORLD_SIZE": "4"}).one_node


@pytest.mark.parametrize("error", [UserError("wrong"), RankError("only here")])
def test_an_error_that_this_rank_has_to_say_passes_through(error: UserError, alone: RankInfo) -> None:
    dist.destroy_process_group()
    with pytest.raises(type(error)) as raised, process_group(alone):
        raise error
    assert raised.value is error


def test_a_group_is_left_at_the_end_but_not_after_an_error(alone: RankInfo) -> None:
    """Because others may be inside a collective."""
    dist.destroy_process_group()
    with process_group(alone):
        assert dist.get_world_size() == 1
    assert not dist.is_initialized()
    with pytest.raises(ZeroDivisionError), process_group(alone):
        _ = 1 / 0
    assert dist.is_initialized()


def test_what_the_leader_does_comes_to_all(alone: RankInfo) -> None:
    assert from_the_leader(alone, lambda: {"step": 3}) == {"step": 3}
    assert gathered("mine") == ["mine"]


def test_only_the_leader_does_it(alone: RankInfo) -> None:
    other, done = replace(alone, rank=1), []
    assert from_the_leader(other, lambda: done.append(1)) is None
    assert on_the_leader(other, lambda: "done", "otherwise") == "otherwise"
    assert not done


def test_what_cannot_travel_stays_with_the_leader(alone: RankInfo) -> None:
    lock = threading.Lock()
    assert on_the_leader(alone, lambda: lock, None) is lock


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("name: is taken"), "name: is taken"),
        (OSError(errno.ENOSPC, "No space left on device", "/runs/a"), "/runs/a: No space left on device"),
        (OSError(errno.EIO, "Input/output error"), "the disk: Input/output error"),
        (OSError("gone"), "the disk: gone"),
    ],
)
def test_what_the_leader_is_refused_is_raised_on_all(error: Exception, words: str, alone: RankInfo) -> None:
    for ask in (lambda: from_the_leader(alone, raises(error)), lambda: on_the_leader(alone, raises(error), None)):
        with pytest.raises(UserError) as refused:
            ask()
        assert str(refused.value) == words


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (StoreError(0, "no answer", "s3://a/b"), RunFailed, "s3://a/b: no answer; the same command tries again"),
        (StoreRefused(0, "denied", "s3://a/b"), UserError, "s3://a/b: denied"),
    ],
)
def test_a_store_that_fails_is_no_wrong_input_unless_it_refuses(
    error: StoreError, kind: type[Exception], words: str, alone: RankInfo
) -> None:
    with pytest.raises(kind) as failed:
        from_the_leader(alone, raises(error))
    assert (type(failed.value), str(failed.value)) == (kind, words)


def test_a_mistake_of_ours_keeps_its_traceback(alone: RankInfo) -> None:
    with pytest.raises(ZeroDivisionError):
        from_the_leader(alone, raises(ZeroDivisionError()))


def test_a_group_of_ones_own_is_apart_from_all_others(alone: RankInfo) -> None:
    groups = [cpu_group(60), cpu_group(60)]
    assert len({id(group) for group in [*groups, dist.group.WORLD]}) == 3
    assert [dist.get_backend(group) for group in groups] == ["gloo", "gloo"]
    assert [dist.get_world_size(group) for group in groups] == [alone.world_size] * 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("[/gloo/transport/tcp/pair.cc:534]\nConnection closed"),
         "RuntimeError: [/gloo/transport/tcp/pair.cc:534] Connection closed"),
        (dist.DistBackendError("NCCL\n error"), "DistBackendError: NCCL error"),
        (dist.DistStoreError("no answer"), "DistStoreError: no answer"),
        (RuntimeError("shapes do not fit"), None),
        (ValueError("/gloo/"), None),
    ],
)  # fmt: skip
def test_ranks_part_with_certain_errors_alone(error: Exception, reason: str | None) -> None:
    assert why_ranks_parted(error) == reason
