"""Several targets of a sample, and each of them alone."""

import torch
from torch.utils.data import DataLoader

from torchferry.training.data.digits import digits
from torchferry.training.data.several import SeveralTargets, label_of, part_of
from torchferry.training.data.source import TargetScale

SAMPLES = SeveralTargets(torch.arange(4.0), {"kind": torch.tensor([0, 1, 0, 1]), "size": torch.ones(4, 1)})


def test_a_sample_has_its_targets_by_name() -> None:
    input, targets = SAMPLES[1]
    assert (input.item(), targets["kind"].item(), targets["size"].tolist()) == (1, 1, [1])
    batch, targets = next(iter(DataLoader(SAMPLES, 3)))
    assert (batch.tolist(), targets["kind"].tolist()) == ([0, 1, 2], [0, 1, 0])


def test_a_part_of_the_samples_keeps_the_names() -> None:
    part = SAMPLES.part(torch.tensor([3]))
    assert (len(part), part.names, part[0][1]["kind"].item()) == (1, ("kind", "size"), 1)


def test_one_target_is_seen_as_if_it_were_alone() -> None:
    source = digits(targets="several")
    assert label_of("digit", "3") in source.labels
    digit, ink = part_of(source, "digit"), part_of(source, "ink")
    assert (digit.labels, digit.targets, digit.target_scale) == (tuple("0123456789"), "classes", None)
    assert (ink.labels, ink.targets) == (("grey",), "values")
    assert isinstance(ink.target_scale, TargetScale)
