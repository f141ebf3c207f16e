"""Looks for numbers that are not finite in what a run would save; such weights never take the place of good ones."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.checkpoint._nested_dict import flatten_state_dict

from torchferry.errors import UserError
from torchferry.training.distributed.process_group import RankInfo, gathered
from torchferry.training.errors import NotFinite
from torchferry.training.trainer.train_step import Step

SAVED = ("model", "optimizer", "ema")
"""Of what a checkpoint holds; the rest is no weight, and the sums of losses may be what a step left out gave."""


class FiniteNumbers:
    """Every rank has one and calls it alike; all of them raise where one of them finds such a number."""

    def __init__(self, step: Step, rank_info: RankInfo, stands_at: int) -> None:
        """Raises UserError for weights that are not finite where the run begins, after step `stands_at`."""
        self.world_size = rank_info.world_size
        # Not by collect(), which would give the optimizer its state before the first step.
        state = {"model": step.model.module.state_dict()} | ({"ema": step.ema.state_dict()} if step.ema else {})
        buffers = {f"model.{name}" for name, _ in step.model.module.named_buffers()}
        buffers |= {f"ema.{name}" for name, _ in step.ema.named_buffers()} if step.ema else set()
        found = not_finite(state)
        self.meant = frozenset(found) & buffers
        """Buffers that are so from the beginning, such as the -inf in a mask of attention."""
        if name := self._agreed([each for each in found if each not in buffers]):
            if stands_at:
                raise UserError(
                    f"the checkpoint of step {stands_at} is not finite in {name}; remove its folder, and the same "
                    "command goes on from the one before it"
                )
            raise UserError(f"model: {name} is not finite before the first step; see weights and its initial values")

    def check(self, state: Mapping[str, Any], step: int) -> None:
        """`state` is what would be saved after `step`; waits for the device once. Raises NotFinite."""
        found = not_finite({part: state[part] for part in SAVED if part in state})
        if name := self._agreed([each for each in found if each not in self.meant]):
            raise NotFinite(
                f"{name} is not finite after step {step}, so nothing was saved there; a smaller optimizer.args.lr, a "
                "longer warm-up, step.clip_norm, step.skip_nonfinite or another step.precision may help"
            )

    def _agreed(self, found: list[str]) -> str | None:
        """The first that any rank has found, on every rank."""
        any_rank = torch.tensor([len(found)])
        if self.world_size > 1:
            dist.all_reduce(any_rank, dist.ReduceOp.MAX)
        if not any_rank:
            return None
        return next(name for names in gathered(found) for name in names)


def not_finite(state: dict[str, Any]) -> list[str]:
    """The names of tensors with a NaN or an infinity in them, in their order."""
    flat = flatten_state_dict(state)[0].items()
    tensors = {name: value for name, value in flat if isinstance(value, torch.Tensor) and _has_such(value)}
    whole: dict[torch.device, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        whole.setdefault(value.device, {})[name] = value.detach().isfinite().all()
    # One wait for each device, however many tensors it has.
    finite = {
        name: answer
        for answers in whole.values()
        for name, answer in zip(answers, torch.stack(list(answers.values())).tolist(), strict=True)
    }
    return [name for name in tensors if not finite[name]]


def _has_such(value: torch.Tensor) -> bool:
    return value.is_floating_point() or value.is_complex()
