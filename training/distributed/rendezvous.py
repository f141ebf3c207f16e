"""A rendezvous of the ranks of one attempt, apart from those of attempts before it.

torchrun's agent keeps one store over all restarts, so a restarted rank could read the address of a
process that is dead and wait for it. The restart count cannot tell attempts apart: it differs between
nodes, and does not rise when one joins.
"""

import time
import uuid
from collections.abc import Mapping
from datetime import timedelta

import torch.distributed as dist

PAUSE = 0.02


def fresh_store(environ: Mapping[str, str], rank: int, world_size: int, timeout: timedelta) -> dist.Store | None:
    """A store that no earlier attempt has written to; None where torchrun's agent holds none.

    Every rank asks under a name that was never used before and rank 0 answers all of them with one new
    prefix, until each has it. Raises TimeoutError.
    """
    if environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return None
    agent = dist.TCPStore(environ["MASTER_ADDR"], int(environ["MASTER_PORT"]), is_master=False, timeout=timeout)
    mine = uuid.uuid4().hex
    if rank == 0:
        _answer(agent, mine, world_size, time.monotonic() + timeout.total_seconds())
        return dist.PrefixStore(f"torchferry/{mine}", agent)
    agent.set(f"torchferry/ask/{rank}", mine)
    attempt = agent.get(f"torchferry/answer/{mine}").decode()  # waits for it
    agent.add(f"torchferry/{attempt}/here", 1)
    return dist.PrefixStore(f"torchferry/{attempt}", agent)


def _answer(agent: dist.Store, attempt: str, world_size: int, deadline: float) -> None:
    """Until all are here. A question may be a dead rank's; its living successor asks again."""
    # Adding 0 reads the counter; `get` would wait until somebody has set it.
    while (here := agent.add(f"torchferry/{attempt}/here", 0)) < world_size - 1:
        for rank in range(1, world_size):
            # `get` alone would wait for a rank that has not asked yet.
            if agent.check([f"torchferry/ask/{rank}"]):
                agent.set(f"torchferry/answer/{agent.get(f'torchferry/ask/{rank}').decode()}", attempt)
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {here + 1} of {world_size} ranks came; distributed.timeout_seconds is over")
        time.sleep(PAUSE)
