"""Each command of the table of formats in serving/README.md does what the table says, with small files of its kind."""

import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.commands import ROOT
from tests.serving.export.external.huggingface.folders import VIT, saved
from tests.serving.export.external.test_given_network import CLASSES
from tests.serving.export.onnx_graphs.graphs import ROWS, written
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.export.export_command import main

PACKAGE = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, 16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))

    def forward(self, image):
        return self.body(image)

    @classmethod
    def from_pretrained(cls, name):
        return {"small": nn.Linear(8, 2)}[name]
"""


def commands() -> list[str]:
    """Of the table, in its order."""
    text = (ROOT / "serving" / "README.md").read_text()
    table = text[text.index("| what you hold | command |") :].split("\n\n")[0]
    return [row.split(" | ")[1].strip("`") for row in table.splitlines()[2:]]


def graph(folder: Path, _: Path) -> None:
    written(folder, ROWS)


def classifier(folder: Path, _: Path) -> None:
    """In the operators that skl2onnx writes."""
    written(folder, CLASSES, name="iris.onnx")
    rows = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    np.savez(folder / "iris.npz", x=rows, targets=np.arange(20) % 2)


def columns(folder: Path, _: Path) -> None:
    text = "graph (string[N, 1] sex, float[N, 1] age) => (string[N, 1] s, float[N, 1] a)"
    written(folder, f"{text} {{ s = Identity(sex) a = Neg(age) }}", name="people.onnx")
    sex, age = np.array([["male"], ["female"]] * 10), np.arange(20, dtype=np.float32)[:, None]
    np.savez(folder / "people.npz", sex=sex, age=age)


def program(folder: Path, _: Path) -> None:
    sample, batch = (torch.zeros(2, 3),), ({0: torch.export.Dim("batch")},)
    torch.export.save(torch.export.export(nn.Linear(3, 2), sample, dynamic_shapes=batch), folder / "net.pt2")


def script(folder: Path, _: Path) -> None:
    torch.jit.trace(nn.Conv1d(3, 2, 3), torch.zeros(2, 3, 16)).save(str(folder / "net.pt"))


def pictures(folder: Path, _: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    saved(folder / "FOLDER", "ViTForImageClassification", VIT)


def sentences(folder: Path, _: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    saved(folder / "FOLDER", "BertForSequenceClassification", max_position_embeddings=128)


def timm_weights(folder: Path, _: Path) -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed")
    torch.save(timm.create_model("mobilenetv3_small_050").state_dict(), folder / "FILE")


def package(folder: Path, _: Path) -> None:
    (folder / "package.py").write_text(PACKAGE)


def checkpoint(folder: Path, _: Path) -> None:
    """Of Lightning, with the network in an attribute of its module."""
    package(folder, folder)
    made: dict[str, type[nn.Module]] = {}
    exec(PACKAGE, made)
    weights = {f"model.{name}": value for name, value in made["Net"]().state_dict().items()}
    torch.save({"epoch": 1, "pytorch-lightning_version": "2.5.0", "state_dict": weights}, folder / "net.ckpt")


def trained(folder: Path, run: Path) -> None:
    shutil.copytree(run, folder / "runs" / "digits", ignore=shutil.ignore_patterns("bundle", "model-store"))


ALL, ONNX = ("torch", "onnx-fp32"), ("onnx-fp32",)
CASES: dict[str, tuple[Callable[[Path, Path], None], tuple[str, ...]]] = {
    "torchferry export runs/digits": (trained, ALL),
    "torchferry export net.onnx": (graph, ONNX),
    "torchferry export iris.onnx --eval-data iris.npz": (classifier, ONNX),
    "torchferry export people.onnx --eval-data people.npz": (columns, ONNX),
    "torchferry export net.pt2": (program, ALL),
    "torchferry export net.pt --input tensor:FP32:3x16": (script, ONNX),
    "torchferry export FOLDER": (pictures, ALL),
    "torchferry export FOLDER --input input_ids=tensor:INT64:128 --input attention_mask=tensor:INT64:128": (
        sentences,
        ALL,
    ),
    "torchferry export timm/mobilenetv3_small_050.lamb_in1k --weights FILE": (timm_weights, ALL),
    "torchferry export net.ckpt --model package:Net --input image:224": (checkpoint, ALL),
    'torchferry export --model package:Net.from_pretrained --model-args \'{"name": "small"}\' --input table:8': (
        package,
        ALL,
    ),
}
"""By command what makes the files that it names, and which of ALL come of it without --variants; int8 depends on the
samples."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.parametrize("command", commands())
def test_a_row_of_the_table_does_what_it_says(
    command: str, tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command in CASES, f"serving/README.md names `{command}`, which has no case here"
    make, variants = CASES[command]
    make(tmp_path, run)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "package", raising=False)
    name, verb, *words = shlex.split(command)
    assert (name, verb) == ("torchferry", "export")
    main(words)
    [folder] = re.findall(r"variants accepted; in (\S+)\n", capsys.readouterr().out)
    accepted = bundles.load(tmp_path / folder).accepted
    assert [name for name in accepted if name in ALL] == [*variants]


def test_a_case_without_a_row_is_none() -> None:
    assert [command for command in CASES if command not in commands()] == []
