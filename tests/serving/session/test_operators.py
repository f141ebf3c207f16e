"""A program with torchvision's operators is loaded by a process that has not imported torchvision."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
from torch import nn
from torchvision.ops import Conv2dNormActivation, roi_align

from torchferry.errors import UserError
from torchferry.serving.session.operators import import_operators

LOAD = """
import sys
from pathlib import Path
from torchferry.serving.session.torch_session import TorchSession
TorchSession(Path(sys.argv[1]), ["x"], ["y"], 1)
print("torchvision" in sys.modules)
"""


class Cut(nn.Module):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return roi_align(pictures, torch.tensor([[0.0, 0, 0, 4, 4]]), (2, 2), 1.0, 2)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("programs") / "cut.pt2"
    torch.export.save(torch.export.export(Cut(), (torch.rand(1, 1, 8, 8),)), path)
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a module of torchvision's, which is in its file, without an operator of torchvision's."""
    path = tmp_path_factory.mktemp("programs") / "network.pt2"
    torch.export.save(torch.export.export(Conv2dNormActivation(1, 1), (torch.rand(1, 1, 8, 8),)), path)
    return path


def loads(path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", LOAD, path], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_torchvision_is_imported_where_the_program_needs_it(program: Path, two_outputs: Path) -> None:
    assert (loads(program), loads(two_outputs)) == ("True", "False")


def test_a_module_of_torchvisions_needs_none_of_it(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ZipFile(network) as archive:
        assert b"torchvision" in archive.read("network/models/model.json")
    monkeypatch.setitem(sys.modules, "torchvision", None)
    import_operators(network)


def test_torchvision_that_is_missing_is_told(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(UserError, match="needs torchvision, which is not installed"):
        import_operators(program)
