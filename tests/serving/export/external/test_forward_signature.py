"""The names of a network's arguments are found, also of one that torch.jit has made."""

from inspect import Parameter

import pytest
import torch
from torch import nn

from tests.serving import signatures
from torchferry.serving.export.external.forward_signature import UNKNOWN, forward_signature

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")


def test_of_a_network_of_pythons_own() -> None:
    parameters = forward_signature(signatures.Encoder()).parameters
    assert list(parameters) == ["input_ids", "attention_mask", "token_type_ids", "scale"]
    assert parameters["scale"].kind is Parameter.KEYWORD_ONLY


def test_of_a_traced_and_of_a_scripted_one() -> None:
    assert list(forward_signature(signatures.traced()).parameters) == ["minuend", "subtrahend"]

    class Optional(nn.Module):
        def forward(self, row: torch.Tensor, times: int = 2) -> torch.Tensor:
            return row * times

    parameters = forward_signature(torch.jit.script(Optional())).parameters
    assert [(each.name, each.default) for each in parameters.values()] == [("row", Parameter.empty), ("times", 2)]


def test_of_one_that_has_none() -> None:
    network = nn.Identity()
    network.forward = print  # type: ignore[assignment]
    assert forward_signature(network).parameters
    network.forward = 3  # type: ignore[assignment]
    assert forward_signature(network) is UNKNOWN
