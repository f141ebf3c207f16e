"""Parameters that take no part in a step on one rank, for whose gradients the other ranks would wait."""

import torch
from torch.nn.parallel import DistributedDataParallel

from torchferry.errors import some
from torchferry.training.errors import RankError

SHOWN = 3


def check_all_took_part(model: DistributedDataParallel, loss: torch.Tensor) -> None:
    """To be called after the backward pass in which DDP sums gradients over the ranks, before anything else is sent.

    That pass returns on the rank that lacks a gradient, while the others wait inside theirs. Costs a microsecond.
    Raises RankError with the parameters' names.
    """
    try:
        # What DDP asks before its next forward pass, which this rank would reach only after other collectives.
        model.reducer._check_reducer_finalized()
    except RuntimeError as error:
        names = _without_gradient(model, loss)
        raise RankError(
            f"model: {some(names, SHOWN)} took no part in a step, so the other ranks would wait for it; if "
            "that depends on the data, set distributed.find_unused_parameters to true"
        ) from error


def _without_gradient(model: DistributedDataParallel, loss: torch.Tensor) -> list[str]:
    """By the graph, because accumulated batches before this one may have left gradients."""
    used, open_nodes, seen = set(), [loss.grad_fn], set()
    while open_nodes:
        node = open_nodes.pop()
        if node is not None and node not in seen:
            seen.add(node)
            used.add(getattr(node, "variable", None))  # of the leaves
            open_nodes += [before for before, _ in node.next_functions]
    named = model.module.named_parameters()
    return [name.removeprefix("network.") for name, value in named if value.requires_grad and value not in used]
