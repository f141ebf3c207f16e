"""The reference of a finished run folder."""

from dataclasses import replace
from pathlib import Path

import torch

from torchferry.contract.cells import CellText
from torchferry.contract.table import TableSpec
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.tensors import DATATYPES as OF_NUMPY
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.trained_origin import origin_of_run
from torchferry.training.data.source import ImageInput, Input, Source, TableInput, blank
from torchferry.training.models.saved import ModelCard, evaluation_data, load_model
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import Served

DATATYPES = {"float32": "FP32", "float64": "FP64", "int64": "INT64"}


def load_trained(run: Path) -> Reference:
    """Raises UserError for a folder that is no finished run, and for data that are not to be had any more."""
    model, card = load_model(run)
    source = evaluation_data(card)
    name, datatype = input_of(card.input)
    table = table_of(card.input, source)
    input = TensorSpec(
        name=name,
        datatype=datatype,
        shape=(-1, *card.input.shape),
        allow_nan=table is not None and table.takes_missing,
        table=table,
        decode=decode_of(card.input),
    )
    task = half_of(card.task)
    module = Served(model, task).eval()
    return Reference(
        name=card.name,
        task=card.task,
        module=module,
        inputs=(input,),
        outputs=_outputs(module, card),
        test=Samples(source.test, (name,), task=task),
        test_in_full=_in_full(card, name),
        calibration=Samples(source.train, (name,), task=task),
        limits=card.gate,
        provenance={"trained_with_torch": card.torch},
        origin=origin_of_run(run, card.step, source),
    )


@torch.inference_mode()
def _outputs(module: Served, card: ModelCard) -> tuple[TensorSpec, ...]:
    """As it gives them for two samples."""
    given = module(blank(card.input, 2))
    values = given if isinstance(given, tuple) else (given,)
    return tuple(
        TensorSpec(
            name=name,
            datatype=OF_NUMPY[value.numpy().dtype],
            shape=(-1, *value.shape[1:]),
            labels=_labels(name, value, card),
        )
        for name, value in zip(card.task.outputs, values, strict=True)
    )


def _labels(output: str, value: torch.Tensor, card: ModelCard) -> tuple[str, ...] | None:
    """Of one of several outputs, where it has a number for each."""
    labels = card.task.labels_by_output.get(output)
    return labels if labels and value.shape[1:] == (len(labels),) else None


def _in_full(card: ModelCard, name: str) -> Samples | None:
    """The test set with its JPEGs decoded in full, where the run decoded them at a part of their size."""
    if not isinstance(card.input, ImageInput) or card.input.jpeg == "full":
        return None
    args = dict(card.data.args)
    args |= {"image": args["image"] | {"jpeg": "full"}} if isinstance(args.get("image"), dict) else {"jpeg": "full"}
    data, input = replace(card.data, args=args), replace(card.input, jpeg="full")
    test = evaluation_data(replace(card, data=data, input=input)).test
    return Samples(test, (name,), task=half_of(card.task))


def input_of(given: Input) -> tuple[str, str]:
    """The input's name and its datatype in the Open Inference Protocol."""
    if isinstance(given, ImageInput):
        return "image", "UINT8"
    return "row" if isinstance(given, TableInput) else "input", DATATYPES[given.datatype]


def table_of(given: Input, source: Source) -> TableSpec | None:
    """Whose columns stand for the row, and how the text in their cells was read."""
    if not isinstance(given, TableInput):
        return None
    # Here: it loads scikit-learn, which takes a second that --help and other models need not spend.
    from torchferry.training.data.tables.typed_rows import encoders_of

    return TableSpec(
        columns=encoders_of(given),
        text=source.cell_text or CellText(),
        targets=source.target_columns,
        unread=source.unread_columns,
    )


def decode_of(given: Input) -> ImageDecode | None:
    if not isinstance(given, ImageInput):
        return None
    return ImageDecode(
        mode=given.mode,
        height=given.height,
        width=given.width,
        interpolation=given.interpolation,
        exif=given.exif,
        resize=given.resize,
        fraction=given.fraction,
        antialias=given.antialias,
        fill=given.fill,
        jpeg=given.jpeg,
    )
