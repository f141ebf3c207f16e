"""Drafts for tables, and for data sets by their import path."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from torchferry.contract.tasks.find import kind_of
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.data.build_source import build_source
from torchferry.training.data.imported import imported
from torchferry.training.data.source import Source
from torchferry.training.discovery.draft import Draft, name_for
from torchferry.training.discovery.picture_sizes import fitting, network_for
from torchferry.training.tasks import half_class

MANY_CLASSES = 10
"""Of a column of whole numbers; with more values it is more likely a quantity."""
TASK_OF = {"classes": "classification", "values": "regression"}
LAYERS = "widths of the layers, first to last; more or wider ones fit more"


def table(path: str, target: str, task: str | None) -> Draft:
    args: dict[str, Any] = {"path": path, "target": target if "," not in target else target.split(",")}
    source, chosen, why = _table_source(args, task)
    if source.target_scale is not None:
        args["scale_target"] = True
    inputs, outputs = source.input.shape[0], len(source.labels)
    return Draft(
        title=f"{path}: {source.train_size} rows to train and {source.test_size} to test, {inputs} inputs; {why}.",
        name=name_for(Path(path.partition("?")[0]).name.partition(".")[0]),
        task=chosen,
        source=Component(name="table", args={**args, "test_fraction": 0.2, "scale": True}),
        comments={
            "path": "CSV or Parquet, a file or any URL that fsspec knows",
            "target": "the column to predict, or a list of them; features: [...] picks others than all the rest",
            "scale_target": "learn the target in units of its spread; what is predicted is in its own",
            "test_fraction": "share of the rows that is held out",
            "scale": "each column by its mean and spread in the training rows",
        },
        samples=source.train_size,
        network=Component(name="mlp", args={"widths": [inputs, 64, 64, outputs]}),
        network_comment=LAYERS,
        learning_rate=0.003,
    )


def dataset(train: dict[str, Any], test: dict[str, Any], labels: str, size: int | None) -> Draft:
    first = _first(imported(train, "TRAIN"), "TRAIN")
    given = int(labels) if labels.isdecimal() else [label.strip() for label in labels.split(",")]
    args: dict[str, Any] = {"train": train, "test": test, "labels": given}
    inputs, target = first
    targets = "classes" if _is_class(target) else "values"
    outputs = given if isinstance(given, int) else len(given)
    if isinstance(inputs, Image.Image):
        side = fitting([(inputs.height, inputs.width)], size)
        args["image"] = {"height": side, "width": side}
        network, comment = network_for(side, outputs)
    else:
        array = np.asarray(inputs)
        if array.dtype.kind not in "fiu" or not array.ndim:
            found = f"{array.dtype} {list(array.shape)}"
            raise UserError(f"TRAIN: gives {found}; a PIL image or an array of numbers is expected")
        args["shape"] = list(array.shape)
        network = Component(name="mlp", args={"widths": [math.prod(array.shape), 64, 64, outputs]})
        comment = LAYERS
    component = Component(name="dataset", args=args)
    source = build_source(component, targets)
    return Draft(
        title=f"{train['name']}: {source.train_size} samples to train and {source.test_size} to test.",
        name=name_for(train["name"].rpartition(".")[2]),
        task=TASK_OF[targets],
        source=component,
        comments={
            "train": "an import path and its arguments: {name: package.module.Class, args: {...}}",
            "test": "the same of samples that are never trained on",
            "labels": "the classes' names, or how many there are",
            "image": "what each picture becomes; mode L for grey ones",
            "shape": "of one sample",
        },
        samples=source.train_size,
        network=network,
        network_comment=comment,
    )


def _table_source(args: dict[str, Any], task: str | None) -> tuple[Source, str, str]:
    """The source, its task, and why it is that one."""
    tried: dict[str, Source] = {}
    refusals: list[UserError] = []
    for name in (task,) if task else TASK_OF.values():
        try:
            tried[name] = build_source(Component(name="table", args=args), half_class(kind_of(name)).targets)
        except UserError as error:
            refusals.append(error)
    if not tried:
        raise refusals[-1]
    if task:
        return tried[task], task, f"{task}, as --task says"
    of_classes, of_values = (tried.get(name) for name in TASK_OF.values())
    if of_classes is not None and (of_values is None or _few_classes(of_classes)):
        return of_classes, TASK_OF["classes"], f"classification, because the target has {len(of_classes.labels)} values"
    assert of_values is not None
    return of_values, TASK_OF["values"], "regression, because the target is a quantity"


def _few_classes(source: Source) -> bool:
    classes = len(source.labels)
    return classes <= MANY_CLASSES and source.train_size >= 5 * classes


def _first(samples: Any, option: str) -> tuple[Any, Any]:
    try:
        sample = next(iter(samples)) if not hasattr(samples, "__getitem__") else samples[0]
        inputs, target = sample
    except Exception as error:  # somebody's code runs here
        raise UserError(f"{option}: has no first sample (x, y): {type(error).__name__}: {error}") from error
    return inputs, target


def _is_class(target: Any) -> bool:
    return torch.as_tensor(target).dtype in (torch.int64, torch.int32, torch.uint8, torch.int16) and not np.ndim(target)
