"""The first rank that leaves word is told so, and the others see that there is some."""

from datetime import timedelta

import torch.distributed as dist

from torchferry.training.distributed.cause import leave_word, word_was_left


def test_the_first_word_stays() -> None:
    store = dist.HashStore()
    assert not word_was_left(store)
    assert leave_word(store, 1, "the reason")
    assert word_was_left(store)
    assert not leave_word(store, 0, "the reason")
    assert leave_word(store, 1, "the reason")


def test_without_a_store_each_rank_is_the_first_and_knows_of_no_other() -> None:
    assert leave_word(None, 1, "the reason")
    assert not word_was_left(None)


def test_a_store_that_has_gone_tells_nobody_anything() -> None:
    host = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    store = dist.TCPStore("127.0.0.1", host.port, is_master=False, timeout=timedelta(seconds=5))
    del host
    assert leave_word(store, 1, "the reason")
    assert not word_was_left(store)
