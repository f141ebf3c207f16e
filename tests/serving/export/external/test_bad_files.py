"""Files that are cut short, too new or lack a part end an export with one line and leave nothing behind."""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.serving.export.onnx_graphs.graphs import HEAD, ROWS, graph, written
from torchferry.errors import UserError
from torchferry.serving.export import export_command

X = torch.zeros(2, 3)
SHARES = [0, 0.01, 0.1, 0.5, 0.9, 0.99]
"""Of a file, at which it is cut."""
LINEAR = ["--model", "torch.nn.Linear", "--model-args", '{"in_features": 3, "out_features": 2}', "--input", "table:3"]


def program(path: Path) -> None:
    torch.export.save(torch.export.export(nn.Linear(3, 2), (X,)), path)


def script(path: Path) -> None:
    torch.jit.trace(nn.Linear(3, 2), X).save(str(path))


def weights(path: Path) -> None:
    torch.save(nn.Linear(3, 2).state_dict(), path)


def old_weights(path: Path) -> None:
    torch.save(nn.Linear(3, 2).state_dict(), path, _use_new_zipfile_serialization=False)


def safetensors(path: Path) -> None:
    save_file(nn.Linear(3, 2).state_dict(), path)


def onnx_file(path: Path) -> None:
    written(path.parent, ROWS, name=path.name)


def samples(path: Path) -> None:
    np.savez(path, x=np.ones((20, 3), np.float32), y=np.ones((20, 2), np.float32))


OF_GRAPH = ["{folder}/net.onnx", "--eval-data", "{folder}/samples.npz"]
CUT: dict[str, tuple[Callable[[Path], None], Sequence[str]]] = {
    "net.onnx": (onnx_file, ["{file}"]),
    "net.pt2": (program, ["{file}"]),
    "net.pt": (script, ["{file}", "--input", "table:3"]),
    "weights.pth": (weights, [*LINEAR, "--weights", "{file}"]),
    "old.pth": (old_weights, [*LINEAR, "--weights", "{file}"]),
    "net.safetensors": (safetensors, [*LINEAR, "--weights", "{file}"]),
    "samples.npz": (samples, OF_GRAPH),
    "known.npz": (samples, [*OF_GRAPH, "--reference", "{file}"]),
}
"""What writes a file, and the command that takes it."""


def refused(folder: Path, arguments: Sequence[str], **places: object) -> str:
    """The one line that an export ends with, which writes nothing."""
    words = [each.format(folder=folder, **places) if "{f" in each else each for each in arguments]
    with pytest.raises(UserError, match=r"^[^\n]+$") as error:
        export_command.main([*words, "-o", str(folder / "bundle"), "--variants", "onnx-fp32"])
    assert not list(folder.glob("*bundle*"))
    assert "/tmp/tmp" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("name", ["model.yaml", "weights.safetensors"])
def test_a_run_with_a_file_that_is_cut_short_names_it(run: Path, tmp_path: Path, name: str, share: float) -> None:
    """Of a card that is cut in its checksum the weights are called damaged."""
    shutil.copytree(run, folder := tmp_path / "own", ignore=shutil.ignore_patterns("bundle", "model-store"))
    content = (file := folder / "model" / name).read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    assert f"{folder}/model/" in refused(folder, ["{folder}"])


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("name", CUT)
def test_a_file_that_is_cut_short_is_named(tmp_path: Path, name: str, share: float) -> None:
    write, arguments = CUT[name]
    onnx_file(tmp_path / "net.onnx")
    samples(tmp_path / "samples.npz")
    write(file := tmp_path / name)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    assert name in refused(tmp_path, arguments, file=file)


def outside(folder: Path) -> Path:
    """A graph with its weights in a file beside it."""
    model, path = graph(ROWS), folder / "net.onnx"
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.ones((3, 2), np.float32), "w"))
    onnx.save(model, path, save_as_external_data=True, location="net.data", size_threshold=0)
    return path


def without_weights(folder: Path) -> None:
    outside(folder)
    (folder / "net.data").unlink()


def with_short_weights(folder: Path) -> None:
    outside(folder)
    (folder / "net.data").write_bytes((folder / "net.data").read_bytes()[:-1])


def with_weights_elsewhere(folder: Path) -> None:
    model = onnx.load(outside(folder), load_external_data=False)
    (folder / "net.data").rename(folder.parent / "net.data")
    next(each for each in model.graph.initializer[0].external_data if each.key == "location").value = "../net.data"
    onnx.save(model, folder / "net.onnx")


def with_operator(folder: Path) -> None:
    written(folder, "graph (float[N, 3] x) => (float[N, 3] y) { y = Foo(x) }")


def with_an_operator_of_others(folder: Path) -> None:
    head = HEAD.replace('"" : 18', '"" : 18, "com.acme" : 1')
    written(folder, "graph (float[N, 3] x) => (float[N, 3] y) { y = com.acme.Foo(x) }", head)


def in_a_new_opset(folder: Path) -> None:
    written(folder, ROWS, HEAD.replace('"" : 18', '"" : 99'))


def in_a_new_version(folder: Path) -> None:
    written(folder, ROWS, HEAD.replace("ir_version: 9", "ir_version: 99"))


LACKING: dict[Callable[[Path], None], str] = {
    without_weights: r"its weights 'w' are in net\.data, which is not beside it",
    with_short_weights: r"its weights 'w' are in net\.data, which has 23 bytes; 24 are needed",
    with_weights_elsewhere: r"its weights 'w' are at \.\./net\.data, outside of its folder",
    with_operator: r"ONNX Runtime has no Foo of opset 18",
    with_an_operator_of_others: r"needs com\.acme::Foo, which ONNX Runtime does not have",
    in_a_new_opset: r"it is in opset 99 of ai\.onnx, and ONNX Runtime computes those up to \d\d$",
    in_a_new_version: r"it is in version 99 of ONNX's file format, and ONNX Runtime reads those up to \d\d$",
}
"""What writes a graph, and what is said of it."""


@pytest.mark.parametrize("write", LACKING, ids=lambda each: each.__name__)
def test_what_a_graph_lacks_is_named(tmp_path: Path, write: Callable[[Path], None]) -> None:
    (folder := tmp_path / "own").mkdir()
    write(folder)
    said = refused(folder, ["{folder}/net.onnx"])
    assert said.startswith(f"{folder}/net.onnx: "), said
    assert re.search(LACKING[write], said), said


def test_what_timm_lacks_is_said_of_its_name(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    assert re.match(r"timm/resnet81: timm \S+ has no resnet81; did you mean", refused(tmp_path, ["timm/resnet81"]))


@pytest.mark.parametrize("kind", ["saved_model.pb", "adapter_config.json", ".metadata"])
def test_a_folder_of_another_framework_is_named(tmp_path: Path, kind: str) -> None:
    (folder := tmp_path / "own").mkdir()
    (folder / kind).touch()
    assert f"{folder}: is a" in refused(tmp_path, [str(folder)])


def test_an_older_bundle_is_whole_after_a_file_that_is_cut_short(tmp_path: Path) -> None:
    onnx_file(file := tmp_path / "net.onnx")
    (older := tmp_path / "bundle").mkdir()
    (older / "model.json").write_text("older")
    content = file.read_bytes()
    for cut in (content, content[:-20]):
        file.write_bytes(cut)
        with pytest.raises(UserError):
            export_command.main([str(file), "-o", str(older)])
        assert [(each.name, each.read_text()) for each in older.iterdir()] == [("model.json", "older")]
