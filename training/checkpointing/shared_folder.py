"""The run folder on several nodes: one that all of them see, or, where a store has the checkpoints, one on each."""

from pathlib import Path

import torch
import torch.distributed as dist

from torchferry import run_folder
from torchferry.errors import UserError
from torchferry.training.checkpointing.resume import Start, enter
from torchferry.training.config.recipe import Recipe
from torchferry.training.distributed.process_group import RankInfo, gathered


def check_shared(folder: Path) -> None:
    """Raises UserError on every rank if one of them, on another node, does not see the run folder."""
    seen = torch.tensor([(folder / run_folder.CONFIG).is_file()], dtype=torch.int32)
    dist.all_reduce(seen, dist.ReduceOp.MIN)  # over Gloo, wherever the weights are
    if not seen:
        raise UserError(f"runs_dir: not every node sees {folder}; give a folder that all of them share with --runs_dir")


def enter_on_each(recipe: Recipe, start: Start, rank_info: RankInfo) -> None:
    """Raises UserError on every rank if the folder of one node cannot be written."""
    refusal = None
    try:
        if rank_info.local_rank == 0:
            enter(recipe, start, rank_info.world_size)
    except UserError as error:
        refusal = str(error)
    for refused in gathered(refusal):
        if refused is not None:
            raise UserError(refused)
