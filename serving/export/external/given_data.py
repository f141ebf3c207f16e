"""The data that a model which was not trained here is judged on, and calibrated with: files, or a source."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from torchferry.errors import UserError
from torchferry.serving.export.external.external_data import in_full, of_source, samples_of
from torchferry.serving.export.external.given_source import OPTION, read_source
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.external.labels import Labels
from torchferry.serving.export.samples import Samples
from torchferry.training.data.source import ImageInput, Listing
from torchferry.training.tasks.task import TrainingTask

EVALUATION, CALIBRATION = "--eval-data", "--calibration-data"


@dataclass(frozen=True, kw_only=True)
class GivenData:
    task: TrainingTask
    """As the samples take it."""
    test: Samples
    option: str
    """That says them."""
    test_in_full: Samples | None
    """The same, its JPEGs decoded in full, where they are not."""
    calibration: Samples
    labels: tuple[str, ...] = ()
    """Of a source whose samples have the model's own."""
    listings: Mapping[str, Listing] = field(default_factory=dict)
    """Of a source."""


def given_data(
    options: argparse.Namespace, inputs: Sequence[GivenInput], labels: Labels, task: TrainingTask
) -> GivenData:
    """Raises UserError for data that are not there, or not what `inputs` and the task say."""
    if options.source is not None:
        return _of_source(options, inputs, labels, task)
    test = samples_of(options.eval_data, inputs, labels.only, task, EVALUATION)
    calibration = _calibration(options, inputs, labels, task) or test
    return GivenData(task=task, test=test, option=EVALUATION, test_in_full=in_full(test), calibration=calibration)


def _of_source(
    options: argparse.Namespace, inputs: Sequence[GivenInput], labels: Labels, task: TrainingTask
) -> GivenData:
    if options.eval_data is not None:
        raise UserError(f"{EVALUATION}, {OPTION}: give one of them")
    if not task.task.headline:
        raise UserError(f"{OPTION}: has targets; say with --task what the outputs mean, or leave it out")
    source, meant = read_source(options.source, inputs, task)
    for line in source.notes:
        print(f"{OPTION}: {line}", flush=True)
    test, trained = of_source(source, inputs, meant)
    calibration = _calibration(options, inputs, labels, meant) or trained
    asked, whole = inputs[0].of, None
    if isinstance(asked, ImageInput) and asked.jpeg != "full":
        full = [replace(inputs[0], of=replace(asked, jpeg="full"))]
        whole, _ = of_source(read_source(options.source, full, task)[0], inputs, meant)
    return GivenData(
        task=meant,
        test=test,
        option=OPTION,
        test_in_full=whole,
        calibration=calibration,
        labels=source.labels if task.knows_classes else (),
        listings=source.listings,
    )


def _calibration(
    options: argparse.Namespace, inputs: Sequence[GivenInput], labels: Labels, task: TrainingTask
) -> Samples | None:
    path = options.calibration_data
    return None if path is None else samples_of(path, inputs, labels.only, task, CALIBRATION)
