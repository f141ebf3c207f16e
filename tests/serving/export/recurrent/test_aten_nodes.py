"""A program of recurrent layers is one of torch's own operators, which loads wherever torch is."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.serving.export.recurrent.layers import KINDS, Kind, Layer, asked, traced
from torchferry.serving.export.recurrent.aten_nodes import packs, with_own_operators
from torchferry.serving.export.recurrent.operator import RECURRENT

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def saved(kind: Kind, file: Path) -> Layer:
    network = Layer(kind)
    program = with_own_operators(traced(network, kind.inputs(2, 5)))
    torch.export.save(program, file)
    return network


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_saved_program_gives_what_the_network_gives_alone(kind: Kind, tmp_path: Path) -> None:
    network = saved(kind, tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    for inputs, expected in asked(network, kind):
        for given, wanted in zip(loaded(*inputs), expected, strict=True):
            torch.testing.assert_close(given, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[1]], ids=str)
def test_its_operators_are_torchs_own(kind: Kind) -> None:
    program = with_own_operators(traced(Layer(kind), kind.inputs(2, 5)))
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert {call.namespace for call in calls if isinstance(call, torch._ops.OpOverload)} == {"aten"}
    assert any("lstm" in str(call) for call in calls)


def test_gradients_pass_it() -> None:
    kind = KINDS[1]
    program = with_own_operators(traced(Layer(kind), kind.inputs(2, 5))).module()
    x, lengths = kind.inputs(2, 6)
    program(x.requires_grad_(), lengths)[0].sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_the_program_that_it_is_made_of_stays() -> None:
    kind = KINDS[1]
    program = traced(Layer(kind), kind.inputs(2, 5))
    before, ranges = str(program.graph), dict(program.range_constraints)
    made = with_own_operators(program)
    assert (str(program.graph), dict(program.range_constraints)) == (before, ranges)
    assert packs(made)
    assert not [node for node in made.graph.nodes if node.target is RECURRENT]


def test_what_a_layer_gives_may_be_what_the_network_gives(tmp_path: Path) -> None:
    layer = nn.RNN(3, 4)
    torch.export.save(with_own_operators(traced(layer, (torch.ones(2, 5, 3),))), tmp_path / "model.pt2")
    given = torch.export.load(tmp_path / "model.pt2").module()(torch.ones(3, 6, 3))
    for answered, wanted in zip(given, layer(torch.ones(3, 6, 3)), strict=True):
        torch.testing.assert_close(answered, wanted)


def test_a_program_without_recurrent_layers_is_left_alone() -> None:
    program = torch.export.export(nn.Linear(3, 2), (torch.ones(2, 3),))
    assert with_own_operators(program) is program
    assert not packs(program)


def test_layers_of_one_length_do_not_pack() -> None:
    kind = KINDS[0]
    assert not packs(with_own_operators(traced(Layer(kind), kind.inputs(2, 5))))
