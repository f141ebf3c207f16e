"""Patterns over parameters' names, and the nearest name where one matches nothing."""

import pytest
from torch import nn

from tests.training.data.sources import refusal
from torchferry.training.models.parameter_patterns import matching


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.layer1 = nn.Conv2d(1, 2, 3), nn.ModuleDict({"bn1": nn.BatchNorm2d(2)})
        self.fc = nn.Linear(2, 2)
        self.fc2 = nn.Linear(2, 2)
        self.fc2.weight = self.fc.weight


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["conv1.*"], "conv1.weight conv1.bias"),
        (["layer*.bn*.weight"], "layer1.bn1.weight"),
        (["*1.weight", "conv1.bias"], "conv1.weight conv1.bias layer1.bn1.weight"),
        (["fc2.weight"], "fc.weight"),
        (["fc*.weight"], "fc.weight"),
        (["*"], "conv1.weight conv1.bias layer1.bn1.weight layer1.bn1.bias fc.weight fc.bias fc2.bias"),
        ([], ""),
    ],
)
def test_patterns_pick_parameters(patterns: list[str], found: str) -> None:
    network = Network()
    names = {value: name for name, value in network.named_parameters()}
    assert " ".join(names[value] for value in matching(patterns, network, "freeze")) == found


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("conv1", "did you mean conv1.*?"),
        ("conv2.*", "did you mean conv1.*?"),
        ("conv1.wieght", "did you mean conv1.weight?"),
        ("layer1.bn2.*", "did you mean layer1.bn1.*?"),
        ("Conv1.*", "did you mean conv1.*?"),
        ("transformer.*", "the network has conv1.weight, conv1.bias, layer1.bn1.weight and 8 in all"),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused_with_the_nearest(pattern: str, hint: str) -> None:
    words = refusal(lambda: matching(["fc.*", pattern], Network(), "freeze"))
    assert words == f"freeze: no parameter matches '{pattern}'; {hint}"
