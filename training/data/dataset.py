"""Any data set of torch's kind, by its import path: map-style, or iterable."""

import contextlib
from typing import Any, Literal

import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset, default_collate

from torchferry.errors import UserError
from torchferry.training.data.arguments import at_least, checked, recipe_arguments
from torchferry.training.data.imported import imported
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.sample import Sample
from torchferry.training.data.several import SeveralTargets, label_of
from torchferry.training.data.source import ImageInput, Source, TargetScale, TargetScales, TensorInput
from torchferry.training.data.tables.scaling import scaling
from torchferry.training.data.undivided import as_the_only_rank
from torchferry.training.data.wrapped import Indexed, Streamed
from torchferry.training.errors import CorruptSample

LABELS = "data.source.args.labels"
KINDS = ("classes", "values", "labels")
"""What one of several targets may be."""


@checked
def dataset(
    train: dict[str, Any],
    test: dict[str, Any],
    labels: list[str] | int | dict[str, Any],
    image: dict[str, Any] | None = None,
    shape: list[int] | None = None,
    datatype: Literal["float32", "int64"] = "float32",
    targets: Literal["classes", "values", "labels", "several"] = "classes",
    train_samples: int | None = None,
    test_samples: int | None = None,
    scale_target: bool = False,
) -> Source:
    """Any data set of torch's kind that gives (x, y), map-style or iterable, by its import path.

    x is a PIL image of any size, or an array or tensor as declared; y is a class index, for regression a number for
    each label, for several labels 0 or 1 for each, for several targets a dict of such. An iterable set gives its whole
    stream in every process; one that divides itself by rank or loader process is told that it is in the only one.

    Args:
        train: {name: import path, args: {...}} of the set to train on.
        test: The same of the set to test on.
        labels: The names of classes, or of the values of regression; a number names them 0, 1, ... Of several targets
            {name: {targets: classes, labels: [...]}}, with values or labels in the place of classes.
        image: For pictures: height, width, mode, resize, fraction, interpolation, antialias, fill, normalize, mean,
            std, exif, jpeg, as of image_folder.
        shape: For other tensors: their shape.
        datatype: Theirs: float32, or int64 for ids.
        targets: What y is, as the recipe's task says.
        train_samples: How many an iterable set gives in a pass; one that has a length need not say it.
        test_samples: How many of an iterable test set are taken into memory.
        scale_target: Reads a map-style training set once, for the mean and std of regression targets, which the network
            then learns scaled.
    """
    at_least(1, train_samples=train_samples, test_samples=test_samples)
    declared = _input(image, shape, datatype)
    kinds = _parts(labels) if targets == "several" else {}
    if scale_target and targets != "values" and "values" not in kinds.values():
        raise UserError("data.source.args.scale_target: classes are not scaled; it is for task regression")
    values = torch.float64 if scale_target else torch.float32
    if kinds and isinstance(labels, dict):
        each = {name: _labels(said["labels"], f"{LABELS}.{name}.labels") for name, said in labels.items()}
        parts = {name: Sample(declared, len(each[name]), kind, values) for name, kind in kinds.items()}
        names = tuple(label_of(name, label) for name, own in each.items() for label in own)
        sample = Sample(declared, len(names), targets, values, parts)
    else:
        names = _labels(labels)
        sample = Sample(declared, len(names), targets, values)
    with as_the_only_rank():
        training = _split("train", train, sample, train_samples)
        tested = _in_memory(_split("test", test, sample, test_samples))
    return Source(
        targets=targets,
        train=training,
        test=tested,
        labels=names,
        parts=kinds,
        input=declared,
        target_scale=_target_scale(training) if scale_target else None,
    )


def _parts(labels: Any) -> dict[str, str]:
    """What each of several targets is. Raises UserError."""
    if not isinstance(labels, dict) or not labels:
        raise UserError(
            f"{LABELS}: {labels!r:.80} names no targets; give {{name: {{targets: classes, labels: [...]}}}}"
        )
    for name, said in labels.items():
        if not isinstance(said, dict) or set(said) != {"targets", "labels"} or said["targets"] not in KINDS:
            raise UserError(f"{LABELS}.{name}: {said!r:.80} is not {{targets: {' or '.join(KINDS)}, labels: [...]}}")
    return {name: said["targets"] for name, said in labels.items()}


def _target_scale(train: Indexed | Streamed) -> TargetScales:
    """Of the samples that can be read."""
    if isinstance(train, Streamed):
        raise UserError(f"data.source.args.scale_target: {train.name} is a stream, which is not read twice; set it to "
                        "false, and let the stream give scaled targets")  # fmt: skip
    targets: list[Any] = []
    for index in range(len(train)):
        with contextlib.suppress(CorruptSample):
            targets.append(train[index][1])
    if not targets:
        raise UserError(f"data.source: no sample of {train.name} could be read")
    scaled = [name for name, part in train.sample.parts.items() if part.targets == "values"]
    return {name: _scale([each[name] for each in targets]) for name in scaled} if scaled else _scale(targets)


def _scale(targets: list[torch.Tensor]) -> TargetScale:
    mean, std = scaling(torch.stack(targets).numpy())
    return TargetScale(mean=tuple(mean.tolist()), std=tuple(std.tolist()))


def _split(split: str, spec: dict[str, Any], sample: Sample, count: int | None) -> Indexed | Streamed:
    samples = imported(spec, f"data.source.args.{split}")
    name = f"{split} {spec['name']}"
    if isinstance(samples, IterableDataset) or not hasattr(samples, "__getitem__") or not hasattr(samples, "__len__"):
        if not hasattr(samples, "__iter__"):
            found = f"{name} gives a {type(samples).__name__}"
            raise UserError(f"data.source.args: {found}; a data set with a length, or an iterable one, is expected")
        if count is None:
            with contextlib.suppress(TypeError, NotImplementedError):  # it has none, or says so
                count = len(samples)
        if count == 0:
            raise UserError(f"data.source: {name} has no samples")
        if count is None:
            raise UserError(f"data.source.args.{split}_samples: is missing; {name} has no length of its own")
        return Streamed(samples, name, sample, count)
    if count is not None:
        raise UserError(f"data.source.args.{split}_samples: is for an iterable data set; {name} has a length")
    indexed = Indexed(samples, name, sample)
    if len(indexed) == 0:
        raise UserError(f"data.source: {name} has no samples")
    # A wrong shape is told before anything is trained; a corrupt sample is the business of data.on_corrupt.
    with contextlib.suppress(CorruptSample):
        indexed[0]
    return indexed


def _in_memory(samples: Indexed | Streamed) -> Dataset:
    """A test set is walked again and again, by its indices."""
    if isinstance(samples, Indexed):
        return samples
    taken = list(samples)
    if len(taken) < len(samples):
        raise UserError(f"data.source.args.test_samples: {samples.name} ended after {len(taken)} of {len(samples)}")
    inputs, targets = zip(*taken, strict=True)
    if samples.sample.parts:
        return SeveralTargets(torch.stack(inputs), default_collate(list(targets)))
    return TensorDataset(torch.stack(inputs), torch.stack(targets))


def _labels(labels: Any, key: str = LABELS) -> tuple[str, ...]:
    if not isinstance(labels, int | list | tuple):
        raise UserError(f"{key}: {labels!r:.80} are no labels; give their names, or how many there are")
    names = tuple(map(str, range(labels))) if isinstance(labels, int) else tuple(map(str, labels))
    if not names:
        raise UserError(f"{key}: {labels} gives no label")
    return names


def _input(image: dict[str, Any] | None, shape: list[int] | None, datatype: Any) -> ImageInput | TensorInput:
    if (image is None) == (shape is None):
        raise UserError("data.source.args: give either image or shape, which say what the network takes")
    if image is None:
        if min(shape or [0]) < 1:
            raise UserError(f"data.source.args.shape: {shape} must be lengths of 1 or more")
        return TensorInput(shape=tuple(shape or []), datatype=datatype)
    what = "data.source.args.image"
    try:
        return checked(image_input, what)(**image, what=what)
    except TypeError as error:
        raise UserError(f"{what}: {error}; image has {', '.join(recipe_arguments(image_input))}") from error
