"""Data that a trained model is judged on: its own test set, other files of the same kind, or any source."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset, TensorDataset

from torchferry.contract.tasks import name_of
from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.training.config.instantiate import Component
from torchferry.training.data.build_source import build_source
from torchferry.training.data.source import ImageInput, Input, Source, TableInput
from torchferry.training.data.varying_inputs import AudioInput
from torchferry.training.models.saved import ModelCard, source_of
from torchferry.training.tasks import half_class

ANOTHER = "--source '{name: ..., args: {...}}' takes any other"


def data_of(card: ModelCard, data: str | None, source: Component | None) -> Source:
    """The card's own data if neither is given; `data` is a path for a source of the same kind.

    Targets are numbered as the model numbers its classes, by name, where the task knows of any. Raises UserError for
    data that the model does not take, or of classes that it does not know.
    """
    if data is not None and source is not None:
        raise UserError("--data, --source: give one of them")
    option = "--source" if source is not None else "--data"
    chosen = source or (card.data if data is None else _with_path(card, data))
    fold = card.fold if data is None and source is None else None  # other data are judged whole
    found = _unnamed(chosen, card) if _has_no_names(card.input) else source_of(replace(card, data=chosen, fold=fold))
    _check_input(found.input, card.input, option, own=source is None)
    if found.targets != half_class(type(card.task)).targets:
        raise UserError(f"{option}: gives {found.targets}, and the model is for {name_of(type(card.task))}")
    is_judged_as_it_is = found.labels == card.labels or not half_class(type(card.task)).knows_classes
    return found if is_judged_as_it_is else _renumbered(found, card, option)


def _has_no_names(input: Input) -> bool:
    return isinstance(input, TableInput) and not any(input.columns)


def _unnamed(chosen: Component, card: ModelCard) -> Source:
    """For a bundle of a table, which knows how many columns it takes and not their names."""
    assert isinstance(card.input, TableInput)
    if chosen.name == "table":
        chosen = replace(chosen, args={"datatype": card.input.datatype, **chosen.args})
    return build_source(chosen, half_class(type(card.task)).targets)


def _with_path(card: ModelCard, path: str) -> Component:
    name = card.data.name
    if name not in WITH_PATH:
        raise UserError(f"--data: the model's own source is {name}, which takes no other path; {ANOTHER}")
    return replace(card.data, args=WITH_PATH[name](card, path))


def _folder(card: ModelCard, path: str) -> dict[str, Any]:
    """A folder of class folders, or one that has them in `test`; all of its files."""
    folder, args = Path(path).expanduser().resolve(), card.data.args
    held_out = folder / args.get("test", "test")
    folder = held_out if held_out.is_dir() else folder
    return {**args, "root": str(folder), "test_fraction": 0.0, "limit": None}


def _sounds(card: ModelCard, path: str) -> dict[str, Any]:
    return {**_folder(card, path), "group": None}


def _series(card: ModelCard, path: str) -> dict[str, Any]:
    """All series of a file."""
    return {**card.data.args, "path": path, "test_path": None, "test_fraction": 0.0, "labels": list(card.labels)}


def _table(card: ModelCard, path: str) -> dict[str, Any]:
    """All rows of a file."""
    args = {**card.data.args, "path": path, "columns": None, "loader": None, "test_fraction": 0.0}
    if args.get("target") is None:
        if half_class(type(card.task)).targets != "values":
            raise UserError(f"--data: the model's own table names no target column; {ANOTHER}")
        args["target"] = list(card.labels)
    if args.get("features") is None and isinstance(card.input, TableInput) and not card.input.encoders:
        args["features"] = list(card.input.columns)
    return args


def _shards(card: ModelCard, path: str) -> dict[str, Any]:
    return {**card.data.args, "train": path, "test": path, "labels": list(card.labels)}


def _root(card: ModelCard, path: str) -> dict[str, Any]:
    return {**card.data.args, "root": path}


WITH_PATH: Mapping[str, Callable[[ModelCard, str], dict[str, Any]]] = {
    "image_folder": _folder,
    "audio_folder": _sounds,
    "series": _series,
    "table": _table,
    "webdataset": _shards,
    "mnist": _root,
    "fashion_mnist": _root,
    "cifar10": _root,
}


def _check_input(found: Input, expected: Input, option: str, *, own: bool) -> None:
    """Mean and std belong to the model, so those of other data do not matter.

    Data of the card's `own` kind are turned as the card says, if they are files at all.
    """
    if isinstance(found, TableInput) and isinstance(expected, TableInput) and any(expected.columns):
        same = found.columns == expected.columns
    elif isinstance(found, ImageInput) and isinstance(expected, ImageInput):
        found = replace(found, mean=expected.mean, std=expected.std, exif=expected.exif if own else found.exif)
        same = found == expected
    elif isinstance(found, AudioInput) and isinstance(expected, AudioInput):
        same = found.rate == expected.rate
    else:
        same = type(found) is type(expected) and found.shape == expected.shape
    if not same:
        raise UserError(f"{option}: gives {in_words(found)}; the model takes {in_words(expected)}")


def in_words(input: Input) -> str:
    if isinstance(input, ImageInput):
        kept = "" if input.fraction == 1 else f" to {input.fraction:g} of a side"
        averaged = "" if input.antialias else " without antialiasing"
        scaled = "" if input.jpeg == "full" else ", large JPEGs at a part of their size"
        colour = f" with bars of {list(input.fill)}" if input.fill else ""
        return (
            f"{input.mode} pictures of {input.height} x {input.width}, {input.resize}{kept}{colour}, "
            f"{input.interpolation}{averaged}, exif {input.exif}{scaled}"
        )
    if isinstance(input, TableInput) and any(input.columns):
        return f"columns {', '.join(input.columns)}"
    if isinstance(input, AudioInput):
        return f"sounds of {input.rate:,} Hz"
    return f"samples of shape {list(input.shape)}"


def _renumbered(source: Source, card: ModelCard, option: str) -> Source:
    for label in source.labels:
        if label not in card.labels:
            what = "class" if source.targets == "classes" else "target"
            known = did_you_mean(label, card.labels, f"it knows {some(card.labels, 10)}")
            raise UserError(f"{option}: the model knows no {what} '{label}'{known}")
    if source.targets == "values" and set(source.labels) != set(card.labels):
        missing = [label for label in card.labels if label not in source.labels]
        raise UserError(f"{option}: has no target '{missing[0]}', which the model predicts")
    if source.targets == "values":
        places = torch.tensor([source.labels.index(label) for label in card.labels])
        test: Dataset = Renumbered(source.test, lambda target: target[..., places])
    else:
        numbers = torch.tensor([card.labels.index(label) for label in source.labels])
        test = Renumbered(source.test, lambda target: numbers[target])
    return replace(source, test=test, labels=card.labels)


class Renumbered(Dataset):
    """The same samples with targets in the model's order."""

    def __init__(self, samples: Dataset, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.samples, self.change = samples, change
        self.deterministic = isinstance(samples, TensorDataset) or getattr(samples, "deterministic", False)

    def __len__(self) -> int:
        return len(self.samples)  # type: ignore[arg-type]  # map-style

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, target = self.samples[index]
        return inputs, self.change(torch.as_tensor(target))
