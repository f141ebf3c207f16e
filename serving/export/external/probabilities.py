"""Probabilities told from logits, behind which a task puts its softmax or sigmoid: another one would flatten them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from torchferry.serving.export.onnx_graphs.onnx_network import OnnxNetwork
from torchferry.training.tasks.task import TrainingTask

LOGITS = "logits"
"""Their key in what a detector gives."""
ROUNDED = 1e-3
"""By how much those of a sample may miss 1 together."""


class Sigmoids(TorchDispatchMode):
    """Notes what sigmoids give while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[torch.Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = func(*args, **(kwargs or {}))
        if func in (torch.ops.aten.sigmoid.default, torch.ops.aten.sigmoid_.default):
            self.given.append(given)
        return given


def of_graph(network: torch.nn.Module, given: Any) -> list[torch.Tensor]:
    """What sigmoids give in a file's graph, at its end."""
    return [given[name] for name in network.of_sigmoids] if isinstance(network, OnnxNetwork) else []


def found(given: Any, task: TrainingTask, sigmoids: Sequence[torch.Tensor]) -> dict[str, str]:
    """By head, "" where there is none, the function that has made probabilities of what is given. Says so, and which
    numbers are like probabilities and are taken as logits."""
    halves = task.halves or {"": task}
    values = given if task.halves and isinstance(given, Mapping) else {"": given}
    scores_by = {head: _scores(values.get(head)) for head, half in halves.items() if half.behind}
    by = {}
    for head, value in scores_by.items():
        if not _are_shares(value):
            continue
        behind, scores = halves[head].behind, f"its scores of head {head}" if head else "its scores"
        if _sum_to_one(value) if behind == "softmax" else any(_is_same(value, each) for each in sigmoids):
            by[head] = behind
            said = f"are probabilities already, so that no {behind} is put behind them"
        else:
            said = f"are all from 0 to 1 and taken as logits, with a {behind} behind them"
            said += "; of probabilities say --task tensors"
        print(f"--model: {scores} {said}", flush=True)
    return by


def as_logits(given: Any, by: Mapping[str, str]) -> Any:
    """Of which the task's own functions make the same probabilities again."""
    if "" in by:
        return _logits(given, by[""])
    return {head: _logits(value, by.get(head, "")) for head, value in given.items()} if by else given


def _logits(value: Any, made_by: str) -> Any:
    if not made_by:
        return value
    scores = {"softmax": torch.log, "sigmoid": torch.logit}[made_by](_scores(value))
    return {**value, LOGITS: scores} if isinstance(value, Mapping) else scores


def _scores(given: Any) -> Any:
    return given.get(LOGITS) if isinstance(given, Mapping) else given


def _are_shares(value: Any) -> bool:
    if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.dim() < 2:
        return False
    return bool(((value >= 0) & (value <= 1)).all())


def _sum_to_one(value: torch.Tensor) -> bool:
    return value.shape[1] > 1 and bool((value.sum(dim=1) - 1).abs().max() < ROUNDED)


def _is_same(value: torch.Tensor, sigmoid: torch.Tensor) -> bool:
    return value.numel() == sigmoid.numel() and torch.equal(value.flatten(), sigmoid.flatten().to(value.dtype))
