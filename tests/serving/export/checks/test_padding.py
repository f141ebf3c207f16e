"""What stands behind a shorter sample may not change its answer."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn

from tests.serving.export.varying_nets import Bag, Leaking, bag_reference
from torchferry.errors import UserError
from torchferry.serving.export.checks.padding import Padding


def test_a_network_that_takes_no_notice_of_padding_passes() -> None:
    reference = bag_reference(Bag())
    padding = Padding(reference, pads=True)
    assert len(padding.pairs) > 4
    assert padding.refusal(reference, "onnx-fp32") is None


def test_one_that_does_is_refused_with_the_size_that_showed_it() -> None:
    words = (
        r"^model: padding leaks: 'scores' for 1 tokens differs by 0.\d+ when it is computed beside 2 tokens; the value"
    )
    with pytest.raises(UserError, match=words):
        Padding(bag_reference(Leaking()), pads=True)
    assert not Padding(bag_reference(Leaking()), pads=False).pairs


def test_a_value_that_is_not_the_networks_padding_is_refused() -> None:
    with pytest.raises(UserError, match="padding leaks"):
        Padding(bag_reference(Bag(), pad=3), pads=True)
    with pytest.raises(UserError, match=r"does not compute a sample of 1 tokens beside one of 2 tokens.*is the value"):
        Padding(bag_reference(Bag(), pad=10**6), pads=True)


def test_a_variant_that_does_is_refused() -> None:
    reference, other = bag_reference(Bag()), bag_reference(Leaking())
    padding = Padding(reference, pads=True)
    assert "padding leaks: 'scores' for 1 tokens differs by" in (padding.refusal(other, "onnx-int8") or "")


class Rounding(Bag):
    """Off by what float32 rounds of large numbers, more where more are summed."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        there = (ids != 0).to(self.last.weight.dtype)
        noise = (there * 0.1 + 1e3).sum(1, keepdim=True) - (there * 0 + 1e3).sum(1, keepdim=True)
        return super().forward(ids) + noise / 0.1 / there.sum(1, keepdim=True)


def test_what_is_rounded_is_no_leak() -> None:
    padding = Padding(bag_reference(Rounding(), most=4096), pads=True)
    assert padding.rounding["scores"] > 0


class Session:
    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            return {"scores": self.network(torch.from_numpy(inputs["ids"])).numpy()}


def test_fewer_bits_may_differ_by_more() -> None:
    class Little(Leaking):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return 0.98 * Bag.forward(self, ids) + 0.02 * super().forward(ids)

    padding = Padding(bag_reference(Bag()), pads=True)
    assert padding.refusal(Session(Little()), "onnx-fp32")
    assert padding.refusal(Session(Little()), "onnx-int8") is None
