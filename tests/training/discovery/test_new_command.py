"""Every recipe that is written can be tried at once, and learns what there is to learn."""

from pathlib import Path

import pytest
import yaml
from torch import nn

from tests.training.data.sources import refusal
from tests.training.discovery.small_data import folder_of, shard_of, table_of
from torchferry.command import main as command
from torchferry.training.config.cli import parse
from torchferry.training.discovery.new_command import main
from torchferry.training.models import NETWORKS
from torchferry.training.train_command import train

KINDS = {
    "image-folder": ("image-folder", "pets"),
    "table": ("table", "houses.csv", "--target", "price"),
    "classes": ("table", "kinds.csv", "--target", "kind", "--task", "classification"),
    "text": ("text", "mails.csv", "--target", "kind", "--text", "mail"),
    "webdataset": ("webdataset", "train-{000..000}.tar", "--test", "test-000.tar", "--labels", "dark,light"),
    "finetune": ("finetune", "pets", "--weights", "own.pth", "--model", "cifar_cnn", "--size", "32"),
    "dataset": ("dataset", "tests.training.discovery.test_other_drafts.Points", "--labels", "2"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with data of each kind."""
    import torch

    monkeypatch.chdir(tmp_path)
    folder_of(Path("pets"))
    shard_of(Path("train-000.tar"), 24)
    shard_of(Path("test-000.tar"), 8)
    table_of(Path("houses.csv"), ("a", "b", "price"))
    table_of(Path("kinds.csv"), ("a", "b", "kind"))
    Path("mails.csv").write_text("mail,kind\n" + "".join(f"text {n},{'ab'[n % 2]}\n" for n in range(60)))
    network: nn.Module = NETWORKS["cifar_cnn"](classes=10)
    torch.save(network.state_dict(), "own.pth")
    return tmp_path


def written(kind: str) -> str:
    words = [*KINDS[kind], "-o", f"{kind}.yaml"]
    main([*words, "--test", words[1]] if kind == "dataset" else words)
    return f"{kind}.yaml"


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_recipe_passes_a_dry_run(kind: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = written(kind)
    assert f"wrote {file}; begin with: torchferry train --config {file}" in capfd.readouterr().out
    assert train(["--config", file, "--dry_run"]) == 0
    recipe = yaml.safe_load(Path(file).read_text())
    commented = Path(file).read_text().count("# ")
    assert commented > 15
    assert {"name", "epochs", "data", "model", "optimizer", "schedule"} <= recipe.keys()
    assert [path.name for path in folder.glob(".*")] == []


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "metric"), [("image-folder", "accuracy"), ("table", "r2"), ("classes", "accuracy")])
def test_a_new_recipe_learns(kind: str, metric: str, folder: Path) -> None:
    file = written(kind)
    epochs = "5" if kind == "image-folder" else "20"
    assert train(["--config", file, "--metrics.port", "null", "--epochs", epochs]) == 0
    card = yaml.safe_load((folder / "runs" / parse(["--config", file]).name / "model" / "model.yaml").read_text())
    assert card["result"][metric] > 0.9


def test_nothing_is_overwritten(folder: Path) -> None:
    (folder / "mine.yaml").write_text("mine")
    said = refusal(lambda: main([*KINDS["table"], "-o", "mine.yaml"]))
    assert said == "mine.yaml: is there already, and is not overwritten; name another file with -o"
    assert (folder / "mine.yaml").read_text() == "mine"
    written("table")
    (folder / "houses.yaml").write_text("mine")
    assert "houses.yaml: is there already" in refusal(lambda: main([*KINDS["table"]]))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("table houses.csv", "arguments are required: --target"),
        ("table houses.csv --target pric", "did you mean 'price'?"),
        ("image-folder nowhere", "nowhere"),
        ("image-folder pets --size 3", "--size: 3 is too small; give 8 or more"),
        ("table houses.csv --target price -o nowhere/a.yaml", "nowhere: is no folder"),
        ("webdataset gone.tar --test gone.tar --labels a,b", "gone.tar"),
        ("dataset nowhere.Set --test nowhere.Set --labels 2", "TRAIN.name: cannot import 'nowhere.Set'"),
        ("images pets", "invalid choice: 'images'"),
        ("finetune pets --weights missing.pth --model cifar_cnn --size 32", "--weights: missing.pth: no such file"),
        ("finetune pets --weights own.pth --model cifar2_cnn --size 32", "weights.source: own.pth"),
    ],
)
def test_what_cannot_be_right_is_refused_and_nothing_is_written(
    words: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["new", *words.split()]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert len(shown.splitlines()) == 1
    assert list(folder.rglob("*.yaml")) == []
    assert list(folder.rglob(".*")) == []
