"""The labels of a task whose network comes from elsewhere: as --labels says, as its data have them, or numbers."""

from collections.abc import Mapping
from dataclasses import replace

from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.external.labels import Labels
from torchferry.training.data.several import label_of
from torchferry.training.tasks.task import Raw, TrainingTask


def task_labels(task: TrainingTask, given: Raw, labels: Labels, of_data: tuple[str, ...], key: str) -> tuple[str, ...]:
    """For what the network gives. `of_data` are those that the samples have, none where nothing is known of them.
    Raises UserError for another number of labels."""
    if not task.halves:
        return _counted(task.labels_in(given, key), _of_whole(labels, task.task.outputs), of_data, "")
    if labels.alone:
        heads = list(task.halves)
        raise UserError(f"--labels: of which head? say {heads[0]}=FILE, or another of {', '.join(heads)}")
    _check_names(labels.of, list(task.halves), "head")
    found = []
    for part, half in task.halves.items():
        known = tuple(label.removeprefix(before) for label in of_data if label.startswith(before := label_of(part, "")))
        count = half.labels_in(given[part], key)
        found += [label_of(part, each) for each in _counted(count, labels.of.get(part, ()), known, f" in {part}")]
    return tuple(found)


def with_labels(outputs: tuple[TensorSpec, ...], task: Task) -> tuple[TensorSpec, ...]:
    """Of several outputs those that have a number for each label with these."""
    named = [(spec, task.labels_by_output.get(own)) for spec, own in zip(outputs, task.outputs, strict=True)]
    return tuple(replace(spec, labels=own if own and spec.shape[1:] == (len(own),) else None) for spec, own in named)


def _of_whole(labels: Labels, outputs: tuple[str, ...]) -> tuple[str, ...]:
    """One file, which may be said to be of an output."""
    _check_names(labels.of, list(outputs), "output")
    if len(labels.of) > 1:
        raise UserError(f"--labels: {' and '.join(labels.of)} have files, and the task has its labels from one")
    return labels.only


def _check_names(named: Mapping[str, object], known: list[str], what: str) -> None:
    for name in named:
        if name not in known:
            has = f"there are {', '.join(known)}"
            raise UserError(f"--labels: there is no {what} '{name}'{did_you_mean(name, known, has)}")


def _counted(count: int, said: tuple[str, ...], of_data: tuple[str, ...], where: str) -> tuple[str, ...]:
    """`count` of them."""
    if said and not count:
        raise UserError("--labels: the task has none; leave it out")
    if said and len(said) != count:
        raise UserError(f"--labels: has {len(said)} classes, but the model knows {count}{where}")
    if said and of_data and said != of_data:
        raise UserError(f"--labels: says {some(said)}{where}, and --source has {some(of_data)}; the source's argument "
                        "labels, where it has one, gives them the model's order")  # fmt: skip
    if of_data and count and len(of_data) != count:
        raise UserError(f"--source: has {len(of_data)} labels{where}, but the model knows {count}; the source's "
                        "argument labels, where it has one, names them all")  # fmt: skip
    return said or (of_data if count else ()) or tuple(map(str, range(count)))
