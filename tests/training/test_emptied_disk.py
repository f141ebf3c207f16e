"""A run whose folder is in a store alone goes on exactly, and a new run begins from one there.

Rows come meanwhile, so that a mean which is computed anew would show in every weight.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from safetensors.numpy import load_file

from tests.commands import run_command, torchrun
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.remote_run import RemoteRun

BEFORE = Path(__file__).parent.parent / "made_before" / "run"
RECIPE = {
    "name": "rows",
    "task": "regression",
    "data": {"source": {"name": "table", "args": {"target": "y"}}, "batch_size": 16, "validation_fraction": 0.2},
    "model": {"name": "linear", "args": {"in_features": 1, "out_features": 1}},
    "optimizer": {"name": "SGD", "args": {"lr": 0.1}},
    "metrics": {"port": None, "tensorboard": False},
    "deterministic": True,
}
WEIGHTS = "model/weights.safetensors"


class Runs:
    """Runs over a file of rows."""

    def __init__(self, folder: Path, given: Path) -> None:
        """The recipe and the rows are in the folder `given`."""
        self.folder, self.recipe, self.rows = folder, given / "recipe.yaml", given / "rows.csv"

    @property
    def url(self) -> str:
        """Of the run in its store."""
        return f"file://{self.folder}/store/rows"

    def add(self, numbers: range) -> None:
        with self.rows.open("a") as file:
            file.writelines(f"{number},{300 + 7 * number}\n" for number in numbers)

    def train(self, runs: str, *options: object, ranks: int = 1) -> subprocess.CompletedProcess[str]:
        words = ["--config", self.recipe, "--data.source.args.path", self.rows]
        words += ["--runs_dir", self.folder / runs, *options]
        return torchrun(ranks, *words) if ranks > 1 else run_command("-m", "torchferry.training", *words)

    def trained(self, runs: str, *options: object, ranks: int = 1) -> Path:
        done = self.train(runs, *options, ranks=ranks)
        assert done.returncode == 0, done.stderr
        return self.folder / runs / "rows"


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two epochs over 100 rows; 20 have come since."""
    folder = tmp_path_factory.mktemp("begun")
    runs = Runs(folder, folder)
    runs.recipe.write_text(yaml.safe_dump(RECIPE))
    runs.rows.write_text("x,y\n")
    runs.add(range(100))
    runs.trained("runs", "--epochs", 2, "--checkpoint.store", runs.url.removesuffix("/rows"))
    runs.add(range(1000, 1020))
    return folder


@pytest.fixture
def runs(begun: Path, tmp_path: Path) -> Runs:
    for name in ("runs", "store"):
        shutil.copytree(begun / name, tmp_path / name)
    return Runs(tmp_path, begun)


def card(run: Path) -> dict[str, object]:
    content = yaml.safe_load((run / "model/model.yaml").read_text())
    return {key: content[key] for key in ("input", "task", "result")}


def assert_same(one: Path, other: Path) -> None:
    assert card(one) == card(other)
    assert (one / WEIGHTS).read_bytes() == (other / WEIGHTS).read_bytes()


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.torchrun)])
def test_a_run_goes_on_exactly_from_its_store(ranks: int, runs: Runs) -> None:
    before = card(runs.folder / "runs/rows")
    left = runs.trained("runs", "--epochs", 4, ranks=ranks)
    emptied = runs.trained("new", "--epochs", 4, "--checkpoint.store", runs.url.removesuffix("/rows"), ranks=ranks)
    assert_same(emptied, left)
    assert {**card(emptied), "result": 0} == {**before, "result": 0}


def test_a_new_run_begins_from_a_url_as_from_the_folder(runs: Runs) -> None:
    options = ("--epochs", 4, "--optimizer.args.lr", 0.05, "--resume")
    from_folder = runs.trained("one", *options, runs.folder / "runs/rows")
    done = runs.train("two", *options, runs.url)
    assert done.returncode == 0, done.stderr
    assert f" of {runs.url}\n" in done.stdout
    assert_same(runs.folder / "two/rows", from_folder)
    assert not list((runs.folder / "two/rows").glob(".*"))
    assert yaml.safe_load((runs.folder / "two/rows/config.yaml").read_text())["resume"] == runs.url


def test_a_url_without_a_checkpoint_is_refused_before_anything_is_written(runs: Runs) -> None:
    done = runs.train("new", "--resume", f"{runs.url}/checkpoints/step-00000099.1.1")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "holds no checkpoint; give auto, none, or a run or checkpoint by its folder or URL" in line
    assert not (runs.folder / "new").exists()


def test_a_run_of_before_goes_on_from_its_store(tmp_path: Path) -> None:
    """With the source as it was then, which its record does not say, and a checkpoint without a fingerprint."""
    shutil.copytree(BEFORE, tmp_path / "left/linear-regression")
    stored = RemoteRun(ObjectStore(f"file://{tmp_path}/store"), "linear-regression", attempt=1)
    there, saved = stored.next_checkpoint(3), BEFORE / "checkpoints/step-00000003"
    files = {file.name: file for file in [*saved.iterdir(), BEFORE / "config.yaml"] if file.name != "checksums.json"}
    there.complete(json.dumps({name: there.put(file, name) for name, file in files.items()}))
    options = ("--max_steps", 6, "--metrics.port", "null", "--metrics.tensorboard", "false")
    words = ("-m", "torchferry.training", "--config", BEFORE / "config.yaml", *options)
    weights = []
    for folder, more in (("left", ()), ("emptied", ("--checkpoint.store", f"file://{tmp_path}/store"))):
        done = run_command(*words, "--runs_dir", tmp_path / folder, *more)
        assert done.returncode == 0, done.stderr
        assert "goes on after step 3" in done.stdout
        weights.append(load_file(tmp_path / folder / "linear-regression" / WEIGHTS))
    assert weights[0].keys() == weights[1].keys()
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])
