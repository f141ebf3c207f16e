"""CIFAR-10's JPEG copies: where they are found, the recipe that takes them, and what is said of the accuracy."""

import importlib.util
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.gpu.given import setting
from torchferry.benchmarks.gpu import cifar
from torchferry.benchmarks.gpu.part import Outcome
from torchferry.errors import UserError
from torchferry.training.config.cli import parse


def tree(folder: Path, each: int = 1) -> Path:
    """Files that are no pictures, in two classes."""
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (folder / split / name).mkdir(parents=True)
            for number in range(each):
                (folder / split / name / f"{number}.jpg").write_bytes(b"")
    return folder


def packed(folder: Path, inside: str) -> Path:
    """An archive of such a tree; its members begin with `inside`."""
    archive = folder / "images.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(tree(folder / "packed", each=5), inside)
    return archive


@pytest.mark.parametrize("inside", [".", "cifar10"])
def test_an_archive_is_unpacked_and_the_folder_with_train_and_test_found(inside: str, tmp_path: Path) -> None:
    root = cifar.unpacked(packed(tmp_path, inside), tmp_path / "out")
    assert sorted(path.name for path in (root / "train" / "cat").iterdir()) == [f"{number}.jpg" for number in range(5)]


def test_small_sizes_unpack_a_few_of_each_class(tmp_path: Path) -> None:
    root = cifar.unpacked(packed(tmp_path, "."), tmp_path / "out", of_each=2)
    assert [len(list((root / "test" / name).iterdir())) for name in ("cat", "dog")] == [2, 2]


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert cifar.unpacked(tree(tmp_path / "images"), tmp_path / "unused") == tmp_path / "images"


def test_what_holds_no_such_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--cifar: .* has no folders train and test"):
        cifar.unpacked(tmp_path, tmp_path)
    (tmp_path / "text.tar.gz").write_text("no archive")
    with pytest.raises(UserError, match=r"^--cifar: .*text\.tar\.gz is no archive"):
        cifar.unpacked(tmp_path / "text.tar.gz", tmp_path / "out")


def test_the_usual_places_are_looked_at_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar, "PLACES", [tmp_path / "first" / "cifar10-jpeg", tmp_path / "second" / "cifar10-jpeg"])
    assert cifar.beside() is None
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "cifar10-jpeg.tar.gz").touch()
    assert cifar.beside() == tmp_path / "second" / "cifar10-jpeg.tar.gz"
    (tmp_path / "first" / "cifar10-jpeg").mkdir(parents=True)
    assert cifar.beside() == tmp_path / "first" / "cifar10-jpeg"


def test_the_recipe_is_the_projects_own_with_these_images(tmp_path: Path) -> None:
    content = cifar.recipe(tmp_path, small=False)
    changed = parse(["--config", str(cifar.ours.write(content, tmp_path))])
    original = parse(["--config", str(cifar.RECIPE)])
    assert changed.data.source.args == {"root": str(tmp_path), "height": 32, "width": 32, "in_memory": True}
    for key in ("model", "loss", "optimizer", "schedule", "step", "epochs", "seed"):
        assert getattr(changed, key) == getattr(original, key), key
    assert (changed.data.batch_size, changed.data.augment) == (original.data.batch_size, original.data.augment)


@pytest.mark.parametrize(
    ("missing", "said"),
    [("PIL", "CIFAR-10's JPEG copies: pillow missing"), (None, "CIFAR-10's JPEG copies: none found; --cifar FOLDER")],
)
def test_it_is_left_out_without_images_or_what_reads_them(
    missing: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else real(name))
    outcome = Outcome("cifar10")
    cifar.run(setting(tmp_path), outcome)
    (left_out,) = outcome.left_out
    assert left_out.startswith(said)


@pytest.mark.parametrize(("wanted", "reached"), [(0.6, "20.0 s, in epoch 2"), (0.9, "not reached")])
def test_the_accuracy_and_the_seconds_to_it_are_told(wanted: float, reached: str) -> None:
    tests: list[dict[str, Any]] = [
        {"epoch": epoch, "time": 100.0 + 10 * epoch, "accuracy": accuracy}
        for epoch, accuracy in ((1, 0.5), (2, 0.7), (3, 0.65))
    ]
    outcome = Outcome("cifar10")
    cifar._tell(outcome, {"epochs": 3}, tests, 100.0, wanted)
    accuracy, seconds, first = outcome.lines
    assert (accuracy.result, accuracy.value) == ("65.00%", 0.65)
    assert "an epoch with its evaluation takes 10.00 s" in accuracy.note
    assert seconds.result == "30.0 s"
    assert (first.what, first.result) == (f"CIFAR-10's JPEG copies, {wanted:.0%} after", reached)
