"""Classes that are tested and never trained on: whether an embedding holds for what it has not seen."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, TensorDataset

from torchferry.errors import UserError
from torchferry.nearest import did_you_mean
from torchferry.training.config.instantiate import Component, build
from torchferry.training.data.arguments import checked
from torchferry.training.data.held_apart import apart, part_of_samples
from torchferry.training.data.source import Source

KEY = "data.source.args.classes"


@checked
def unseen_classes(source: dict[str, Any], classes: list[str]) -> Source:
    """Another source's classes, some of which are tested alone and never trained on; for task embedding.

    Args:
        source: {name, args} of the source, which knows its samples' classes without reading them.
        classes: The names of those that are tested.
    """
    from torchferry.training.data import SOURCES  # which has this one too

    if not isinstance(source.get("name"), str) or set(source) - {"name", "args"}:
        raise UserError(f"data.source.args.source: {source} is not {{name: a source, args: {{...}}}}")
    whole = build(Component(**source), SOURCES, "data.source.args.source")
    if whole.targets != "classes":
        raise UserError(f"data.source.args.source: {source['name']} gives {whole.targets}, not classes")
    for name in classes:
        if name not in whole.labels:
            raise UserError(f"{KEY}: there is no class '{name}'{did_you_mean(name, whole.labels)}")
    held = [whole.labels.index(name) for name in classes]
    unseen, tested = (np.isin(_classes(samples, source["name"]), held) for samples in (whole.train, whole.test))
    left, _ = apart(whole, unseen, KEY)
    if not tested.any():
        raise UserError(f"{KEY}: the test set has no sample of them")
    return replace(left, test=part_of_samples(whole.test, np.flatnonzero(tested)), listings={})


def _classes(samples: Dataset, name: str) -> np.ndarray:
    """int64 [samples]"""
    targets = samples.tensors[1] if isinstance(samples, TensorDataset) else getattr(samples, "targets", None)
    if not isinstance(targets, torch.Tensor):
        raise UserError(f"data.source.args.source: {name} does not know a sample's class before it reads it")
    return targets.numpy()
