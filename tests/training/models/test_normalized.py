"""A model takes what its source declares, and normalises it by itself."""

import math

import pytest
import torch
from torch import nn

from torchferry.training.data.source import (
    AudioInput,
    ImageInput,
    Input,
    SeriesInput,
    TableInput,
    TargetScale,
    TensorInput,
    TextInput,
)
from torchferry.training.models.normalized import Normalized

RGB = ImageInput(mode="RGB", height=2, width=2, mean=(0, 0.5, 1), std=(1, 0.5, 0.25))
TEXT = TextInput(tokenizer="{}", pad=7, rows=8, most=9, truncate=True)
SERIES = SeriesInput(channels=2, mean=(1, 10), std=(2, 5), most=9)
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


@pytest.mark.parametrize("given", [RGB, TABLE, TensorInput(shape=(2,)), TEXT, SERIES])
def test_the_weights_are_those_of_the_network_alone(given: Input) -> None:
    assert list(Normalized(nn.Linear(2, 1), given).state_dict()) == ["network.weight", "network.bias"]


def test_mean_and_std_go_where_the_model_goes() -> None:
    model = Normalized(nn.Identity(), TABLE).to("meta")
    assert {model.mean.device.type, model.std.device.type} == {"meta"}


class Both(nn.Module):
    """Gives what it is given."""

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, mask


def test_the_network_is_told_what_is_padding_and_never_sees_it() -> None:
    ids, mask = Normalized(Both(), TEXT)(torch.tensor([[3, 0, 5], [4, 7, 7]]))
    assert (ids.tolist(), mask.tolist()) == ([[3, 0, 5], [4, 0, 0]], [[True] * 3, [True, False, False]])
    nan = math.nan
    sound, mask = Normalized(Both(), AudioInput(rate=8, most=9, truncate=True))(torch.tensor([[0.5, -1], [0, nan]]))
    assert (sound.tolist(), mask.tolist()) == ([[0.5, -1], [0, 0]], [[True, True], [True, False]])
    one = SeriesInput(channels=None, mean=(1,), std=(2,), most=9)
    series, mask = Normalized(Both(), one)(torch.tensor([[3.0, 5], [1, nan]]))
    assert (series.tolist(), mask.tolist()) == ([[1, 2], [0, 0]], [[True, True], [True, False]])


def test_steps_are_scaled_by_channel_and_padding_is_0_after_that() -> None:
    steps, mask = Normalized(Both(), SERIES)(torch.tensor([[[1.0, 15], [3, 10]], [[5, 0], [math.nan, math.nan]]]))
    assert steps.tolist() == [[[0, 1], [1, 0]], [[2, -2], [0, 0]]]
    assert mask.tolist() == [[True, True], [True, False]]
