"""A model takes what its source declares, and normalises it by itself."""

import pytest
import torch
from torch import nn

from torchferry.training.data.source import ImageInput, TableInput, TargetScale, TensorInput
from torchferry.training.models.normalized import Normalized

RGB = ImageInput(mode="RGB", height=2, width=2, mean=(0, 0.5, 1), std=(1, 0.5, 0.25))
TABLE = TableInput(columns=("a", "b"), mean=(10, 100), std=(5, 50))


def test_an_image_is_scaled_and_normalised_by_channel() -> None:
    image = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 2, 2)
    found = Normalized(nn.Identity(), RGB)(image)
    assert (found.shape, found.dtype) == ((2, 3, 2, 2), torch.float32)
    assert found[0, :, 0, 0].tolist() == pytest.approx([0, (0.2 - 0.5) / 0.5, 0])
    assert torch.equal(found, found[:1, :, :1, :1].expand(2, 3, 2, 2))


def test_a_row_of_a_table_is_normalised_by_column_and_not_scaled() -> None:
    found = Normalized(nn.Identity(), TABLE)(torch.tensor([[10.0, 100], [15, 50]]))
    assert found.tolist() == [[0, 0], [1, -1]]


SECONDS = TableInput(columns=("t",), mean=(1.7e9,), std=(2,), datatype="float64")
DUE = TargetScale(mean=(1.7e9, 5), std=(300, 0.5))


@pytest.mark.parametrize("autocast", [False, True])
def test_a_float64_row_is_narrowed_after_it_is_scaled(autocast: bool) -> None:
    rows = 1.7e9 + torch.tensor([[0], [1], [3]], dtype=torch.float64)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found = Normalized(nn.Identity(), SECONDS)(rows)
    assert found.dtype == torch.float32
    assert found[:, 0].tolist() == [0, 0.5, 1.5]


def test_values_are_scaled_back_where_the_model_is_used_and_not_where_it_learns() -> None:
    model = Normalized(nn.Identity(), TensorInput(shape=(2,)), DUE)
    given = torch.tensor([[1 / 300, 2]])
    assert model.train()(given) is given
    found = model.eval()(given)
    assert found.dtype == torch.float64
    assert found[0].tolist() == pytest.approx([1.7e9 + 1, 6], abs=1e-4)
    assert list(model.state_dict()) == []


def test_outputs_of_another_number_are_left_for_the_trial_step_to_refuse() -> None:
    assert Normalized(nn.Identity(), TensorInput(shape=(3,)), DUE).eval()(torch.zeros(1, 3)).shape == (1, 3)


@pytest.mark.parametrize("datatype", [torch.float32, torch.int64])
def test_any_other_tensor_goes_to_the_network_as_it_is(datatype: torch.dtype) -> None:
    tokens = torch.tensor([[3, 300]], dtype=datatype)
    assert Normalized(nn.Identity(), TensorInput(shape=(2,)))(tokens) is tokens


@pytest.mark.parametrize("given", [RGB, TABLE, TensorInput(shape=(2,))])
def test_the_weights_are_those_of_the_network_alone(given: ImageInput | TableInput | TensorInput) -> None:
    assert list(Normalized(nn.Linear(2, 1), given).state_dict()) == ["network.weight", "network.bias"]


def test_mean_and_std_go_where_the_model_goes() -> None:
    model = Normalized(nn.Identity(), TABLE).to("meta")
    assert {model.mean.device.type, model.std.device.type} == {"meta"}
