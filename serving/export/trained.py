"""The reference of a finished run folder."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from torchferry.contract.axes import NAN, Axis
from torchferry.contract.cells import CellText
from torchferry.contract.table import TableSpec
from torchferry.contract.text import FILE_NAME
from torchferry.serving.bundle.tensor_spec import AudioDecode, Decode, ImageDecode, TensorSpec, TextDecode
from torchferry.serving.codec.tensors import DATATYPES as OF_NUMPY
from torchferry.serving.export.external.output_axes import output_axes
from torchferry.serving.export.external.output_specs import with_axes
from torchferry.serving.export.own_sizes import Sides, of_own_size, with_own_sizes
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.trained_origin import origin_of_run
from torchferry.training.data.source import ImageInput, Input, Source, TableInput, blank, pad_of
from torchferry.training.data.varying_inputs import AudioInput, SeriesInput, TextInput, VaryingInput
from torchferry.training.models.saved import ModelCard, evaluation_data, load_model
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import Served

DATATYPES = {"float32": "FP32", "float64": "FP64", "int64": "INT64"}
NAMES = {ImageInput: "image", TableInput: "row", TextInput: "text", AudioInput: "audio", SeriesInput: "series"}
"""Of the input, by what it holds; of another tensor `input`."""
AXES = {TextInput: "tokens", AudioInput: "samples", SeriesInput: "steps"}


def load_trained(run: Path, sides: Sides | None = None) -> Reference:
    """With `sides` it takes pictures of their own size. Raises UserError for a folder that is no finished run, and for
    data that are not to be had any more."""
    model, trained = load_model(run)
    source = _source(trained, sides)
    card = replace(trained, input=source.input) if sides else trained
    name, datatype = input_of(card.input)
    table = table_of(card.input, source)
    input = TensorSpec(
        name=name,
        datatype=datatype,
        shape=(-1, *card.input.shape),
        axes=sides or axes_of(card.input),
        pad=pad_in_json(card.input),
        allow_nan=table is not None and table.takes_missing,
        table=table,
        decode=decode_of(card.input),
    )
    task = half_of(card.task)
    module = Served(model, task).eval()
    test = Samples(source.test, (name,), task=task)
    return Reference(
        name=card.name,
        task=card.task,
        module=module,
        inputs=(input,),
        outputs=_outputs(module, card, test, input),
        test=test,
        test_in_full=_in_full(trained, name, sides),
        calibration=Samples(source.train, (name,), task=task),
        limits=card.gate,
        provenance={"trained_with_torch": card.torch},
        origin=origin_of_run(run, card.step, source),
        files={FILE_NAME: card.input.tokenizer} if isinstance(card.input, TextInput) else {},
    )


def _source(card: ModelCard, sides: Sides | None) -> Source:
    source = evaluation_data(card)
    return with_own_sizes(source, of_own_size(card.input, sides)) if sides else source


@torch.inference_mode()
def _outputs(module: Served, card: ModelCard, test: Samples, input: TensorSpec) -> tuple[TensorSpec, ...]:
    """As it gives them for two samples, with the axes that vary with the input's."""

    def named(sample: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        given = module(*sample)
        return dict(zip(card.task.outputs, given if isinstance(given, tuple) else (given,), strict=True))

    varying = output_axes(named, test, (input,))
    values = named(test.tensors(2) if input.axes else (blank(card.input, 2),))
    return tuple(
        with_axes(
            TensorSpec(
                name=name,
                datatype=OF_NUMPY[value.numpy().dtype],
                shape=(-1, *value.shape[1:]),
                labels=_labels(name, value, card),
            ),
            varying.get(name, ()),
        )
        for name, value in values.items()
    )


def _labels(output: str, value: torch.Tensor, card: ModelCard) -> tuple[str, ...] | None:
    """Of one of several outputs, where it has a number for each."""
    labels = card.task.labels_by_output.get(output)
    return labels if labels and value.shape[1:] == (len(labels),) else None


def _in_full(card: ModelCard, name: str, sides: Sides | None) -> Samples | None:
    """The test set with its JPEGs decoded in full, where the run decoded them at a part of their size."""
    if not isinstance(card.input, ImageInput) or card.input.jpeg == "full":
        return None
    args = dict(card.data.args)
    args |= {"image": args["image"] | {"jpeg": "full"}} if isinstance(args.get("image"), dict) else {"jpeg": "full"}
    data, input = replace(card.data, args=args), replace(card.input, jpeg="full")
    test = _source(replace(card, data=data, input=input), sides).test
    return Samples(test, (name,), task=half_of(card.task))


def input_of(given: Input) -> tuple[str, str]:
    """The input's name and its datatype in the Open Inference Protocol."""
    datatype = "UINT8" if isinstance(given, ImageInput) else DATATYPES[given.datatype]
    return NAMES.get(type(given), "input"), datatype


def axes_of(given: Input) -> tuple[Axis, ...]:
    """Those that vary from sample to sample."""
    if not isinstance(given, VaryingInput):
        return ()
    return (Axis(at=1, name=AXES[type(given)], least=given.least, most=given.most),)


def pad_in_json(given: Input) -> float | str | None:
    """What stands behind a shorter sample, as a TensorSpec has it."""
    pad = pad_of(given)
    return NAN if pad is not None and math.isnan(pad) else pad


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


def decode_of(given: Input) -> Decode | None:
    if isinstance(given, TextInput):
        return TextDecode(tokenizer=FILE_NAME, truncate=given.truncate)
    if isinstance(given, AudioInput):
        return AudioDecode(rate=given.rate, truncate=given.truncate)
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
