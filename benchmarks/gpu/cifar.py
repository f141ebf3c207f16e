"""CIFAR-10's JPEG copies by the recipe resnet9-cifar10: the accuracy that is reached, and in how many seconds."""

import importlib.util
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torchferry
from torchferry.benchmarks.gpu.part import Outcome
from torchferry.benchmarks.gpu.setting import TRAINER, Setting
from torchferry.benchmarks.training import ours
from torchferry.benchmarks.training.torchrun import torchrun
from torchferry.errors import UserError

RECIPE = Path(torchferry.__file__).parent / "training" / "recipes" / "resnet9-cifar10.yaml"
NEEDS = {"PIL": "pillow", "yaml": "PyYAML"}
OF_EACH = 3
"""Files of each class where sizes are small."""
PLACES = [Path(folder) / "cifar10-jpeg" for folder in ("data", "shared/data", "../shared/data")]
"""Where it is looked for unless `--cifar` says where it is; each as a folder, then as a .tar.gz."""


def beside() -> Path | None:
    """The first of the usual places that is there."""
    places = [place.with_name(f"{place.name}{ending}") for place in PLACES for ending in ("", ".tar.gz")]
    return next((place for place in places if place.exists()), None)


def run(setting: Setting, outcome: Outcome) -> None:
    lacking = [package for module, package in NEEDS.items() if importlib.util.find_spec(module) is None]
    if lacking:
        outcome.left_out.append(f"CIFAR-10's JPEG copies: {' and '.join(lacking)} missing")
        return
    if setting.cifar is None:
        outcome.left_out.append("CIFAR-10's JPEG copies: none found; --cifar FOLDER or --cifar FILE.tar.gz names them")
        return
    with TemporaryDirectory(prefix="benchmark-", dir=setting.scratch, ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        content = recipe(unpacked(setting.cifar, folder, OF_EACH if setting.small else None), setting.small)
        file, log, started = ours.write(content, folder, runs_dir=str(folder)), folder / "log", time.time()
        arguments = [TRAINER, "--config", file]
        with torchrun("ours", arguments, processes=setting.devices.count, threads=1, log=log) as launch:
            launch.wait()
        tests = ours.rows_of("test", ours.metrics(folder))
    _tell(outcome, content, tests, started, setting.accuracy)


def unpacked(place: Path, folder: Path, of_each: int | None = None) -> Path:
    """The folder that holds train and test, with so many files `of_each` class at the most. Raises UserError."""
    if place.is_file():
        try:
            with tarfile.open(place) as archive:
                archive.extractall(folder / "images", _first(archive, of_each), filter="data")
        except tarfile.TarError as error:
            raise UserError(f"--cifar: {place} is no archive ({error})") from error
        place = folder / "images"
    roots = [place, *(below for below in sorted(place.glob("*")) if below.is_dir())]
    root = next((root for root in roots if (root / "train").is_dir() and (root / "test").is_dir()), None)
    if root is None:
        raise UserError(f"--cifar: {place} has no folders train and test, with a folder for each class in both")
    return root.resolve()


def _first(archive: tarfile.TarFile, of_each: int | None) -> Iterator[tarfile.TarInfo]:
    """The archive's members, but for the files of a folder after so many."""
    seen: Counter[str] = Counter()
    for member in archive:
        seen[folder := str(Path(member.name).parent)] += member.isfile()
        if of_each is None or seen[folder] <= of_each:
            yield member


def recipe(root: Path, small: bool) -> dict[str, Any]:
    """The recipe with the files as its source, and no more written than its metrics and its model."""
    import yaml  # only here: all other parts do without

    content: dict[str, Any] = yaml.safe_load(RECIPE.read_text())
    args: dict[str, Any] = {"root": str(root), "height": 32, "width": 32, "in_memory": True}
    content["data"]["source"] = {"name": "image_folder", "args": args}
    content["checkpoint"] = {"every_epochs": None}
    content["metrics"] = {"port": None, "tensorboard": False}
    if small:
        args["limit"] = 20
        content["data"]["batch_size"], content["epochs"], content["model"]["args"] = 10, 2, {"width": 4}
    return content | {"name": "run"}


def _tell(
    outcome: Outcome, content: dict[str, Any], tests: list[dict[str, Any]], started: float, wanted: float
) -> None:
    last, good = tests[-1], [row for row in tests if row["accuracy"] >= wanted]
    note = f"{content['epochs']} epochs of {RECIPE.stem} from torchrun's start, which reads the files too"
    if len(tests) > 1:
        note += f"; an epoch with its evaluation takes {(last['time'] - tests[0]['time']) / (len(tests) - 1):.2f} s"
    title = "CIFAR-10's JPEG copies"
    outcome.add(f"{title}, accuracy", f"{last['accuracy']:.2%}", note, last["accuracy"])
    outcome.add(f"{title}, that accuracy after", f"{last['time'] - started:.1f} s")
    reached = f"{good[0]['time'] - started:.1f} s, in epoch {good[0]['epoch']}" if good else "not reached"
    outcome.add(f"{title}, {wanted:.0%} after", reached)
