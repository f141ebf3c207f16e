"""Why an attempt ends: a rank that knows leaves word in the store, for those that only lose their connection to it."""

from contextlib import suppress

import torch.distributed as dist

CAUSE = "torchferry/cause"


def leave_word(store: dist.Store | None, rank: int, text: str) -> bool:
    """Whether this rank is the first to."""
    word = f"rank {rank}: {text}"
    with suppress(RuntimeError):  # a store that has gone tells nobody anything
        return store is None or store.compare_set(CAUSE, "", word).decode() == word
    return True


def word_was_left(store: dist.Store | None) -> bool:
    with suppress(RuntimeError):
        return store is not None and store.check([CAUSE])
    return False
