"""Axes of outputs that vary have the input axis's name that they follow, or one of their own."""

from collections.abc import Sequence

import pytest
import torch

from torchferry.contract.axes import Axis
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.external.output_axes import output_axes
from torchferry.serving.export.samples import Samples

HEIGHT, WIDTH = Axis(at=2, name="h", least=4, most=16, step=4), Axis(at=3, name="w", least=4, most=32, step=4)
SPEC = TensorSpec(name="x", datatype="FP32", shape=(-1, 1, -1, -1), axes=(HEIGHT, WIDTH))
TEST = Samples([(torch.rand(1, 8, 12),)] * 2, ("x",))  # type: ignore[arg-type]  # a list is map-style


def test_an_axis_is_named_after_the_one_that_it_always_equals() -> None:
    def run(tensors: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        (x,) = tensors
        return {"mask": x, "turned": x.mT, "half": x[..., ::2], "mean": x.mean((2, 3)), "last": x[..., :4]}

    found = output_axes(run, TEST, [SPEC])
    assert [(axis.at, axis.name, axis.step) for axis in found["mask"]] == [(2, "h", 4), (3, "w", 4)]
    assert [(axis.at, axis.name) for axis in found["turned"]] == [(2, "w"), (3, "h")]
    assert [(axis.at, axis.name, axis.most) for axis in found["half"]] == [(2, "h", 16), (3, "half_3", None)]
    assert found["mean"] == ()
    assert [axis.name for axis in found["last"]] == ["h"]


def test_a_size_that_the_network_does_not_take_is_named() -> None:
    def run(tensors: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        if tensors[0].shape[3] > 16:
            raise ValueError("too wide")
        return {"mask": tensors[0]}

    with pytest.raises(UserError, match=r"^--input: the model does not take .* and 20 w at .*too wide; say the bounds"):
        output_axes(run, TEST, [SPEC])


def test_inputs_of_one_size_have_no_axes_to_find() -> None:
    assert output_axes(lambda _: {}, TEST, [TensorSpec(name="x", datatype="FP32", shape=(-1, 3))]) == {}
