"""A traced network takes any batch and says nothing of this machine; what cannot be traced is said with its line."""

import inspect
import re

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from tests.serving import networks
from tests.serving.export.tiny_reference import ROWS, half, tiny_reference
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.variants.torch_program import SHOWN, exported_program, place, reason
from torchferry.training.tasks.task import Served


def raised(value: object) -> Exception:
    """What a line of a model's own raises, three calls below."""
    try:
        torch.nn.Sequential(Doubled())(value)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


class Doubled(torch.nn.Module):
    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return given.reshape(-1, 7)


def test_the_program_takes_any_batch() -> None:
    reference = tiny_reference()
    program = exported_program(reference).module()
    for batch in (1, 2, 6):
        expected = reference.run({"row": ROWS[:batch].numpy()})["probabilities"]
        np.testing.assert_allclose(program(ROWS[:batch]).detach(), expected, atol=1e-6)


def test_the_program_keeps_no_samples_and_names_no_files() -> None:
    program = exported_program(tiny_reference())
    assert program.example_inputs is None
    nodes = list(program.graph.nodes)
    assert nodes
    assert not [node for node in nodes if "stack_trace" in node.meta]


def test_a_network_that_cannot_be_traced_is_refused_with_its_line() -> None:
    lines, start = inspect.getsourcelines(networks.Branching)
    (number,) = [start + offset for offset, line in enumerate(lines) if "if given" in line]
    reference = tiny_reference(module=Served(Narrow(), half("tensors")))
    where = re.escape(f"{networks.__file__}:{number}, 'if given.sum() > 0:'")
    with pytest.raises(UserError, match=rf"^model: torch\.export refuses it at {where}: \w+: ") as refused:
        exported_program(reference)
    assert "\n" not in str(refused.value)


class Narrow(networks.Branching):
    """Of three columns."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)


def test_the_place_is_the_innermost_line_of_the_model() -> None:
    error = raised(torch.zeros(2, 3))
    assert place(error).startswith(f" at {__file__}:")
    assert place(error).endswith("'return given.reshape(-1, 7)'")


def test_torchs_own_lines_are_nobodys_place() -> None:
    with pytest.raises(RuntimeError) as refused:
        Served(torch.nn.Linear(3, 2), half("tensors"))(torch.zeros(2, 5))
    error = refused.value
    error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ else None  # this file's line
    assert error.__traceback__ is not None
    assert place(error) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("short", "ValueError: short"),
        ("two\n  lines", "ValueError: two lines"),
        ("what it is\n\nand how to mend it", "ValueError: what it is"),
        (SHOWN * "x", f"ValueError: {SHOWN * 'x'}"),
        ((SHOWN + 1) * "x", f"ValueError: {SHOWN * 'x'}..."),
    ],
)
def test_the_reason_is_one_line_of_what_came_first(text: str, said: str) -> None:
    assert reason(ValueError(text)) == said


def test_an_input_that_changes_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    class First(torch.nn.Module):
        def forward(self, row: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
            return row * 2

    inputs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 3)) for name in ("row", "mask"))
    samples = Samples(TensorDataset(ROWS, ROWS), ("row", "mask"))
    reference = tiny_reference(module=Served(First(), half("tensors")), task="tensors", inputs=inputs, test=samples)
    exported_program(reference)
    assert capsys.readouterr().out == "model: its answer does not depend on mask\n"
    exported_program(tiny_reference())
    assert capsys.readouterr().out == ""
