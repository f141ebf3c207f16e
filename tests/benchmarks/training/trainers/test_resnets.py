"""Our ResNets are torchvision's: the same weights from the same seed, the same outputs, the FLOP that are stated."""

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from torchferry.benchmarks.training.trainers.resnets import resnet18, resnet50
from torchferry.benchmarks.training.trainers.systems import SYSTEMS
from torchferry.training.models.resnet9 import ResNet9


def test_the_same_seed_gives_torchvisions_weights_and_outputs() -> None:
    torch.manual_seed(0)
    ours = resnet18(num_classes=10)
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(num_classes=10)
    weights = theirs.state_dict()
    assert ours.state_dict().keys() == weights.keys()
    assert all(torch.equal(values, weights[name]) for name, values in ours.state_dict().items())
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(ours.eval()(images), theirs.eval()(images))


def test_the_deeper_one_has_torchvisions_layers() -> None:
    with torch.device("meta"):
        ours, theirs = (made().state_dict() for made in (resnet50, torchvision.models.resnet50))
    assert {name: values.shape for name, values in ours.items()} == {n: values.shape for n, values in theirs.items()}


@pytest.mark.parametrize(
    ("model", "network", "size"), [("resnet18", resnet18, 32), ("resnet50", resnet50, 224), ("tiny", ResNet9, 32)]
)
def test_the_forward_pass_has_the_flop_that_are_stated(
    model: str, network: Callable[..., nn.Module], size: int
) -> None:
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), counter:
        network(**SYSTEMS[model].network.args).eval()(torch.empty(1, 3, size, size))
    assert counter.get_total_flops() / 1e9 == pytest.approx(SYSTEMS[model].forward_gflop, rel=5e-3)
