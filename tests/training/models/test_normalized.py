"""A model takes what its source declares, and normalises it by itself."""

import pytest
import torch
from torch import nn

from torchferry.training.data.source import ImageInput, TableInput, TensorInput
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
