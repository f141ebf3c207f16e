"""What a file holds, by its content."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.serving.export.onnx_graphs.graphs import ROWS, written
from torchferry.errors import UserError
from torchferry.serving.export.external.file_kind import FileKind, kind_of_file

X = torch.zeros(2, 3)


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_each_kind_is_known_under_any_name(tmp_path: Path) -> None:
    path = tmp_path / "net.bin"
    torch.export.save(torch.export.export(nn.Linear(3, 2), (X,)), path.with_suffix(".pt2"))
    path.with_suffix(".pt2").rename(path)
    assert kind_of_file(path) is FileKind.PROGRAM
    torch.jit.trace(nn.Linear(3, 2), X).save(str(path))
    assert kind_of_file(path) is FileKind.SCRIPT
    written(tmp_path, ROWS, name="net.bin")
    assert kind_of_file(path) is FileKind.ONNX


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    network = nn.Linear(3, 2)
    torch.save(network.state_dict(), tmp_path / "zip")
    torch.save(network.state_dict(), tmp_path / "pickle", _use_new_zipfile_serialization=False)
    save_file(network.state_dict(), tmp_path / "safetensors")
    for name in ("zip", "pickle", "safetensors"):
        with pytest.raises(
            UserError, match="holds weights and no graph; name its network: torchferry export --model MODULE:CLASS"
        ):
            kind_of_file(tmp_path / name)


def test_what_is_none_of_them_is_refused(tmp_path: Path) -> None:
    (path := tmp_path / "net.onnx").write_text("graph")
    with pytest.raises(UserError, match=r"net.onnx: is no model that is known here; an ONNX graph, a program of torch"):
        kind_of_file(path)
