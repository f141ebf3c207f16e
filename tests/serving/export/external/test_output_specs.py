"""Outputs are found by running the network, named, and refused by name if no server could answer with them."""

import re

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from tests.serving import networks, signatures
from tests.serving.export.tiny_reference import half
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.external.binding import bind
from torchferry.serving.export.external.input_spec import GivenInput, read_input
from torchferry.serving.export.external.output_specs import output_specs
from torchferry.serving.export.external.prepared import Prepared
from torchferry.serving.export.samples import Samples
from torchferry.training.tasks.task import Served


def specs_of(network: nn.Module, *inputs: str, task: str = "tensors") -> tuple[TensorSpec, ...]:
    given = [read_input(text, number, {"normalize": "none"}) for number, text in enumerate(inputs)]
    module = Served(Prepared(network, given, bind(network, given)), half(task)).eval()
    samples = Samples(TensorDataset(*map(_sample, given)), tuple(each.name for each in given))
    return output_specs(module, samples)[0]


def _sample(each: GivenInput) -> torch.Tensor:
    return torch.ones(4, *each.of.shape, dtype=torch.int64 if each.datatype == "INT64" else torch.float32)


def test_nested_outputs_have_the_way_to_them_as_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    found = specs_of(signatures.Encoder(), "input_ids=tensor:INT64:5", "attention_mask=tensor:INT64:5")
    assert [(spec.name, spec.datatype, spec.shape) for spec in found] == [
        ("scores", "FP32", (-1, 3)),
        ("aux.mean", "FP32", (-1,)),
        ("hidden_states.0", "FP32", (-1, 5, 4)),
        ("hidden_states.1", "FP32", (-1, 4)),
        ("kinds", "FP32", (-1, 4)),
    ]
    assert capsys.readouterr().out == "--model: gives None for aux.nothing, which is left out\n"


def test_dataclasses_and_what_torch_gives_have_their_fields_names() -> None:
    found = specs_of(signatures.Collisions(), "cat=table:3", "cat_scale=table:3")
    assert [(spec.name, spec.datatype) for spec in found] == [
        ("mean", "FP32"), ("add", "FP32"), ("weight", "FP32"), ("best.values", "FP32"), ("best.indices", "INT64"),
    ]  # fmt: skip


def test_names_that_are_changed_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    found = specs_of(signatures.Returned(), "row=table:3")
    assert [spec.name for spec in found] == ["row_output", "same", "twice", "once_more"]
    row, once = capsys.readouterr().out.splitlines()
    assert row == "--model: its output 'row' is called row_output, as an input has that name"
    assert once.startswith("--model: its output 'once more' is called once_more, as a name is ASCII letters")


def test_what_a_task_names_is_no_inputs_name() -> None:
    given = GivenInput("probabilities", read_input("table:8", 0, {"normalize": "none"}).of)
    prepared = Prepared(networks.Named(), [given], bind(networks.Named(), [given]))
    samples = Samples(TensorDataset(torch.ones(4, 8)), ("probabilities",))
    (found,), raw = output_specs(Served(prepared, half("classification")).eval(), samples)
    assert found.name == "probabilities_output"
    assert raw.shape == (2, 3)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("float", "--model: its output extra.0 is a float, not a tensor"),
        ("text", "its output extra.0 is a str, not a tensor"),
        ("object", "its output extra.0 is a bytes, not a tensor"),
        ("anchors", "its output extra.0 is [100, 4] for 3 samples; [batch, ...] is expected"),
        ("loss", "its output extra.0 is [] for 3 samples; [batch, ...] is expected"),
        ("sometimes", "its output extra.0 is there for some numbers of samples only"),
    ],
)
def test_what_no_server_could_answer_with_is_refused_by_name(kind: str, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        specs_of(signatures.Odd(kind), "row=table:3")


def test_one_that_gives_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="--model: gives no tensor"):
        specs_of(signatures.Nothing(), "row=table:3")


@pytest.mark.parametrize(
    ("network", "inputs", "words"),
    [
        (signatures.Collisions(), ("cat=table:3", "cat_scale=table:3"), "not [2], [2, 3], [2, 3], [2], [2]; say"),
        (networks.FixedBatch(), ("table:8",), "its output probabilities is [2, 12] for 3 samples"),
        (networks.Brief(), ("table:8",), "its output probabilities is torch.bfloat16, which no server answers with"),
    ],
)
def test_scores_are_one_output(network: nn.Module, inputs: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        specs_of(network, *inputs, task="classification")
