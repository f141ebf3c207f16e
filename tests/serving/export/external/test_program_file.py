"""Programs of torch.export and TorchScript, from files."""

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.serving.export.external.test_program_archive import changed
from torchferry.errors import UserError
from torchferry.serving.export.external.input_spec import read_input
from torchferry.serving.export.external.program_file import (
    TENSORS_ALONE,
    graph_of_program,
    graph_of_script,
    network_of,
    read_program,
    takes_any_batch,
    texts_of,
)
from torchferry.serving.export.onnx_graphs.onnx_network import computed

X = torch.arange(6.0).reshape(2, 3)
BATCH = {0: torch.export.Dim("batch")}


class Evil:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return print, ("run",)


def saved(folder: Path, shapes: object = (BATCH,)) -> Path:
    torch.manual_seed(0)
    program = torch.export.export(nn.Linear(3, 2), (X,), dynamic_shapes=shapes)
    torch.export.save(program, path := folder / "net.pt2")
    return path


def test_a_program_of_any_batch_is_a_network(tmp_path: Path) -> None:
    program = read_program(path := saved(tmp_path))
    assert takes_any_batch(program)
    assert texts_of(program, path) == ["input=tensor:FP32:3"]
    network = network_of(program).eval()
    assert network(X[:1]).shape == (1, 2)


def test_a_program_of_one_batch_becomes_a_graph(tmp_path: Path) -> None:
    program = read_program(path := saved(tmp_path, None))
    assert not takes_any_batch(program)
    (given,) = computed(graph_of_program(program, path), {"input": X.numpy()}).values()
    torch.testing.assert_close(torch.from_numpy(given), network_of(program)(X))


def test_an_inner_axis_that_varies_has_the_bounds_that_it_says(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    axes = {0: torch.export.Dim("batch"), 1: 2 * torch.export.Dim("half", min=1, max=40)}
    program = torch.export.export(nn.ReLU(), (torch.zeros(2, 8),), dynamic_shapes=(axes,))
    torch.export.save(program, path)
    (text,) = texts_of(read_program(path), path)
    assert re.fullmatch(r"input=tensor:FP32:\[\w+=2\.\.80/2\]", text)


def test_an_inner_axis_without_a_largest_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    torch.export.save(torch.export.export(nn.ReLU(), (X,), dynamic_shapes=(axes,)), path)
    with pytest.raises(UserError, match="axis 1 of its input 'input' is dynamic, and nothing says its largest"):
        texts_of(read_program(path), path)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("entry", ["data/sample_inputs/model.pt", "data/weights/model.pt", "data/constants/model.pt"])
def test_a_pickle_of_more_than_tensors_is_not_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], entry: str, legacy: bool
) -> None:
    torch.save(Evil(), tmp_path / "evil", _use_new_zipfile_serialization=not legacy)
    evil = (tmp_path / "evil").read_bytes() if not legacy else pickle.dumps(Evil(), 0)
    with pytest.raises(UserError, match=r"changed\.pt2: "):
        read_program(changed(saved(tmp_path), {entry: evil}))
    assert "run" not in capsys.readouterr().out
    assert TENSORS_ALONE not in os.environ


def test_a_damaged_program_is_refused(tmp_path: Path) -> None:
    (path := tmp_path / "net.pt2").write_bytes(saved(tmp_path).read_bytes()[:-200])
    with pytest.raises(UserError, match=r"net\.pt2: cannot be read by torch.export.load"):
        read_program(path)


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_torchscript_becomes_a_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = torch.jit.trace(nn.Linear(3, 2).eval(), X)
    script.save(str(path := tmp_path / "net.pt"))
    (given,) = computed(graph_of_script(path, [read_input("tensor:FP32:3", 0, {})]), {"input": X[:1].numpy()}).values()
    torch.testing.assert_close(torch.from_numpy(given), script(X[:1]), check_stride=False)
    assert "net.pt is TorchScript, which torch has deprecated" in capsys.readouterr().out
    with pytest.raises(UserError, match="what sizes it takes; say them, such as --input tensor:FP32:3x224x224"):
        graph_of_script(path, [])
    with pytest.raises(UserError, match=r"net\.pt: torch.onnx makes no graph of it"):
        graph_of_script(path, [read_input("tensor:FP32:4", 0, {})])


class Counting(nn.Module):
    """Of its calls: all of them, or those in training alone."""

    def __init__(self, *, always: bool) -> None:
        super().__init__()
        self.always, self.calls = always, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.always or self.training:
            self.calls += 1
        return x * (1 + self.calls)


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_torchscript_that_keeps_something_between_calls_is_refused(tmp_path: Path) -> None:
    asked = [read_input("tensor:FP32:3", 0, {})]
    torch.jit.script(Counting(always=True)).save(str(path := tmp_path / "counting.pt"))
    with pytest.raises(UserError, match="keeps 'calls' from one call to the next"):
        graph_of_script(path, asked)
    torch.jit.script(Counting(always=False)).save(str(path := tmp_path / "net.pt"))
    (given,) = computed(graph_of_script(path, asked), {"input": X[:1].numpy()}).values()
    torch.testing.assert_close(torch.from_numpy(given), X[:1])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.complex64])
def test_an_input_of_numbers_that_no_server_takes_is_refused(tmp_path: Path, dtype: torch.dtype) -> None:
    program = torch.export.export(nn.Identity(), (X.to(dtype),), dynamic_shapes=(BATCH,))
    with pytest.raises(UserError, match=f"its input 'input' is {dtype}, which no server takes"):
        texts_of(program, tmp_path)
