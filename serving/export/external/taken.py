"""Takes the options, and the model that they name, apart: its inputs bound to it, its task and its labels."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torchferry.contract.tasks.find import kind_of, made
from torchferry.errors import UserError
from torchferry.serving.export.external.given_network import Bound, GivenNetwork
from torchferry.serving.export.external.given_pads import check_axes_agree, read_pads, said_of_pads
from torchferry.serving.export.external.input_spec import read_input
from torchferry.serving.export.external.labels import Labels, read_labels
from torchferry.serving.export.external.network import name_of
from torchferry.serving.export.external.picture_options import alike, assumed, check_is_for_pictures, given
from torchferry.serving.export.external.prepared import Prepared
from torchferry.serving.export.external.published.choice import preprocessing_of, taken
from torchferry.serving.export.external.published.labels import labels_that_fit
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import TrainingTask


@dataclass(frozen=True)
class Taken:
    name: str
    bound: Bound
    task: TrainingTask
    """Without its labels, which are known once its outputs are."""
    labels: Labels
    preprocessing: str | None
    """What says it, for the provenance."""
    lacks_weights: bool


def take(options: argparse.Namespace) -> Taken:
    """Says what was assumed, and what the model itself says. Raises UserError for whatever does not fit together."""
    labels = read_labels(options.labels)
    network = GivenNetwork(options)
    name, beside = name_of(options, network.network), network.folder or options.weights
    said = given(options)
    published = preprocessing_of(options.preprocess, beside, network.network, network.texts, said)
    texts, picture = taken(published, network.texts, said)
    asked = [read_input(text, number, picture) for number, text in enumerate(texts)]
    check_is_for_pictures(options, asked)
    bound = _padded(network.bound(asked), options.pad)
    said_of = said_of_pads(bound.inputs)
    for line in (assumed(asked, picture), *bound.binding.said, alike(bound.inputs, picture), said_of):
        if line:
            print(line, flush=True)
    task = _asked_task(options, network)
    labels = labels if options.labels else bound.labels
    if labels == Labels():
        plain = Prepared(bound.network, bound.inputs, bound.binding, task)
        labels = Labels(labels_that_fit(published, plain, bound.inputs, task))
    task = task or _task("classification" if labels.alone else "tensors", options.task_args)
    origin = Path(published.origin).name if published else None
    return Taken(name, bound, task, labels, origin, not options.weights and network.kind is None)


def _padded(bound: Bound, texts: Sequence[str]) -> Bound:
    """With what stands behind each input's shorter samples. Raises UserError."""
    check_axes_agree(bound.inputs)
    pads = read_pads(texts, bound.inputs)
    return replace(bound, inputs=[replace(each, pad=pads.get(each.name)) for each in bound.inputs])


def _asked_task(options: argparse.Namespace, network: GivenNetwork) -> TrainingTask | None:
    """That of --task, or of the network's architecture, whose settings hold where the two are the same."""
    meaning = network.meaning
    if meaning is None or meaning.task is None or options.task not in (None, meaning.task):
        return _task(options.task, options.task_args) if options.task else None
    if not options.task:
        print(f"task: {meaning.task}, as its architecture says; --task tensors gives its tensors", flush=True)
    return _task(meaning.task, {**meaning.settings, **options.task_args})


def _task(name: str, settings: dict[str, Any]) -> TrainingTask:
    if name.lstrip().startswith("{"):
        raise UserError("--task: is a name, such as segmentation; the task's settings go to --task-args")
    task = made(kind_of(name, "--task"), settings, (), "--task-args")
    if setting := task.unsettled:
        raise UserError(f"--task-args.{setting}: '{settings[setting]}' is found in training; give what it came to")
    return half_of(task)
