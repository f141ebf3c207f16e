"""The reference of a model that was never trained here: any nn.Module, its weights from a file, its inputs as said."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec
from torchferry.errors import UserError
from torchferry.serving.bundle.bundle import TensorSpec
from torchferry.serving.codec.tensors import DATATYPES
from torchferry.serving.export.external_data import check_classes, check_finite, samples_of
from torchferry.serving.export.input_spec import GivenInput, read_input
from torchferry.serving.export.reference import OUTPUTS, Reference, Served
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.torch_program import place, reason
from torchferry.serving.export.trained import decode_of
from torchferry.training.config.instantiate import Component, build
from torchferry.training.config.recipe import WeightsConfig
from torchferry.training.models import NETWORKS
from torchferry.training.models.normalized import Normalized
from torchferry.training.models.weights import load_weights

# A recipe's keys in what training says of them, and the options here.
OPTIONS = {
    "model.name:": "--model:",
    "model.args:": "--model-args:",
    "model.args.": "--model-args.",
    "weights.source:": "--weights:",
    "weights.key:": "--weights-key:",
    "weights.prefix:": "--weights-prefix:",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a model that was not trained here, instead of RUN")
    group.add_argument("--model", help="import path of an nn.Module's class, or of a function that gives one")
    group.add_argument("--model-args", type=_mapping, default={}, metavar="JSON", help="its arguments")
    group.add_argument("--weights", help="a file with its state_dict, of safetensors or torch.save")
    group.add_argument("--weights-key", metavar="KEY", help="which of the file's state_dicts, such as ema")
    group.add_argument("--weights-prefix", metavar="PREFIX", help="take only what begins so, such as backbone.")
    kinds = "image:224, image:L:28x28, table:8 or tensor:FP32:3x16; again for each argument of a network with several"
    group.add_argument("--input", action="append", default=[], metavar="[NAME=]KIND", help=kinds)
    group.add_argument("--normalize", choices=("imagenet", "half", "none"), default="imagenet", help="of images")
    turned = "whether servers turn pictures upright as their EXIF orientation says (default apply)"
    group.add_argument("--exif", choices=("apply", "ignore"), default="apply", help=turned)
    columns = "of a table: what its numbers are called, in order, so that servers take records and a CSV's header"
    group.add_argument("--columns", metavar="NAME,NAME", help=columns)
    gaps = "its inputs of floating-point numbers may hold NaN, as JSON's null and a CSV's empty cell are"
    group.add_argument("--allow-nan", action="store_true", help=gaps)
    tasks = "what its output means: logits of classes (default with --labels), one logit, or nothing that is known"
    group.add_argument("--task", choices=("classification", "binary", "tensors"), help=tasks)
    group.add_argument("--labels", type=Path, help="a text file with one class a line, in the order of the outputs")
    group.add_argument("--eval-data", type=Path, help="FOLDER/CLASS/*.jpg, or an .npz of inputs by name and 'targets'")
    group.add_argument("--calibration-data", type=Path, help="as --eval-data, for quantisation (default: that itself)")
    group.add_argument("--name", help="the bundle's name (default: the run's, or the last word of --model)")


def load_given(options: argparse.Namespace) -> Reference:
    """Raises UserError for whatever does not fit together."""
    if not options.input:
        raise UserError("--input: is missing; say what the model takes, such as image:224")
    inputs = [read_input(text, number, options.normalize, options.exif) for number, text in enumerate(options.input)]
    labels = _labels(options.labels)
    task = options.task or ("classification" if labels else "tensors")
    network = _network(options)
    test = samples_of(options.eval_data, inputs, labels, task, "--eval-data")
    calibration = samples_of(options.calibration_data, inputs, labels, task, "--calibration-data")
    if options.calibration_data is None:
        calibration = test
    specs = _specs(inputs, options.allow_nan, options.columns)
    check_finite(test, specs, "--eval-data")
    check_finite(calibration, specs, "--calibration-data")
    module = Served(Prepared(network, inputs), task).eval()
    outputs = _outputs(module, test)
    _check_labels(outputs[0], labels, task)
    if task == "classification":
        check_classes(test, outputs[0].shape[-1], "--eval-data")
        check_classes(calibration, outputs[0].shape[-1], "--calibration-data")
    return Reference(
        name=name_of(options),
        task=task,
        module=module,
        inputs=specs,
        outputs=outputs,
        decode=decode_of(inputs[0].of) if len(inputs) == 1 else None,
        labels=labels or _numbered(outputs[0], task),
        test=test,
        calibration=None if calibration.random else calibration,
        limits={},
        provenance={"model": options.model, "weights": Path(options.weights).name if options.weights else "random"},
    )


def _specs(inputs: Sequence[GivenInput], allow_nan: bool, columns: str | None) -> tuple[TensorSpec, ...]:
    """Only floating-point numbers can be NaN, and only one row of them has columns. Raises UserError for others."""
    floats = [each.datatype.startswith("FP") for each in inputs]
    if allow_nan and not any(floats):
        raise UserError("--allow-nan: none of the inputs is of floating-point numbers, which alone can be NaN")
    table = None if columns is None else _table(columns.split(","), inputs, allow_nan)
    return tuple(
        TensorSpec(
            name=each.name,
            datatype=each.datatype,
            shape=(-1, *each.of.shape),
            allow_nan=allow_nan and is_float,
            table=table,
        )
        for each, is_float in zip(inputs, floats, strict=True)
    )


def _table(columns: Sequence[str], inputs: Sequence[GivenInput], allow_nan: bool) -> TableSpec:
    names = [name.strip() for name in columns]
    if len(inputs) > 1 or len(inputs[0].of.shape) > 1 or not inputs[0].datatype.startswith("FP"):
        raise UserError("--columns: is for a model of one table, such as --input table:3")
    if len(names) != inputs[0].of.shape[0]:
        raise UserError(f"--columns: has {len(names)} names; --input says {inputs[0].of.shape[0]} columns")
    if odd := [name for name in names if not name or names.count(name) > 1]:
        raise UserError(f"--columns: names '{odd[0]}' more than once" if odd[0] else "--columns: has an empty name")
    return TableSpec(columns=tuple(Encoder(column=name) for name in names), keeps_nan=allow_nan)


def name_of(options: argparse.Namespace) -> str:
    """The bundle's name, which needs nothing to be loaded."""
    name: str = options.model.rpartition(".")[2].rpartition(":")[2] if options.name is None else options.name
    return name


class Prepared(nn.Module):
    """The network behind the normalisation of each of its inputs. It gives a tensor, or a tuple of several."""

    def __init__(self, network: nn.Module, inputs: Sequence[GivenInput]) -> None:
        super().__init__()
        self.network = network
        self.prepare = nn.ModuleList(Normalized(nn.Identity(), each.of) for each in inputs)

    def forward(self, *inputs: torch.Tensor) -> Any:
        given = self.given(*inputs)
        if isinstance(given, Mapping):
            given = given.values()
        if isinstance(given, torch.Tensor):
            return given
        return given[0] if len(given := tuple(given)) == 1 else given

    def given(self, *inputs: torch.Tensor) -> Any:
        """As the network gives it."""
        return self.network(*(part(value) for part, value in zip(self.prepare, inputs, strict=True)))


def _network(options: argparse.Namespace) -> nn.Module:
    path = options.model.replace(":", ".")
    try:
        network = build(Component(name=path, args=options.model_args), NETWORKS, "model")
        if not isinstance(network, nn.Module):
            raise UserError(f"--model: {path} gives a {type(network).__name__}, not a torch.nn.Module")
        if options.weights:
            given = {"source": options.weights, "key": options.weights_key, "prefix": options.weights_prefix}
            if said := load_weights(network, WeightsConfig(**given)):
                print(said, flush=True)
        elif options.weights_key or options.weights_prefix:
            raise UserError("--weights: is missing; --weights-key and --weights-prefix say what to take from it")
    except UserError as error:
        text = str(error)
        for key, option in OPTIONS.items():
            text = text.replace(key, option)
        raise UserError(text) from error
    return network.float()


@torch.inference_mode()
def _outputs(module: Served, test: Samples) -> tuple[TensorSpec, ...]:
    """What it gives for one sample, two and three, which tells the batch from the other axes; a batch of one may lose
    its axis in a network that squeezes."""
    assert isinstance(module.model, Prepared)
    raw = _through(module.model.given, test, 2)
    two = _tuple(_through(module.model, test, 2))
    names = list(raw) if isinstance(raw, Mapping) else [f"output_{number}" for number in range(len(two))]
    if module.task != "tensors":
        if len(two) != 1 or not isinstance(two[0], torch.Tensor) or two[0].dim() != 2:
            shapes = ", ".join(
                str(list(each.shape)) if isinstance(each, torch.Tensor) else type(each).__name__ for each in two
            )
            raise UserError(
                f"--task: {module.task} needs one output of [batch, outputs], not {shapes}; say --task tensors"
            )
        names = [OUTPUTS[module.task]]
    answers = (_tuple(_through(module, test, samples)) for samples in (1, 2, 3))
    return tuple(_spec(*each) for each in zip(names, *answers, strict=True))


def _through(module: Callable[..., Any], test: Samples, samples: int) -> Any:
    try:
        return module(*test.tensors(samples))
    except Exception as error:  # whatever a network makes of inputs that do not fit
        raise UserError(f"--input: the model does not take it{place(error)}: {reason(error)}") from error


def _spec(name: str, *outputs: object) -> TensorSpec:
    """Of an output for one sample, two and three."""
    rest: torch.Size | None = None
    for count, output in reversed(list(enumerate(outputs, start=1))):
        if not isinstance(output, torch.Tensor):
            raise UserError(f"--model: its output {name} is a {type(output).__name__}, not a tensor")
        if not output.dim() or len(output) != count or (rest is not None and output.shape[1:] != rest):
            samples = "1 sample" if count == 1 else f"{count} samples"
            raise UserError(
                f"--model: its output {name} is {list(output.shape)} for {samples}; [batch, ...] is expected"
            )
        rest, alone = output.shape[1:], output
    datatype = _datatype(alone)
    if datatype is None:
        raise UserError(f"--model: its output {name} is {alone.dtype}, which no server answers with")
    return TensorSpec(name=name, datatype=datatype, shape=(-1, *alone.shape[1:]))


def _datatype(output: torch.Tensor) -> str | None:
    try:
        return DATATYPES.get(output.numpy().dtype)
    except TypeError:  # bfloat16, of which numpy has none
        return None


def _numbered(output: TensorSpec, task: str) -> tuple[str, ...]:
    """Classes that nobody has named."""
    classes = {"classification": output.shape[-1], "binary": 2}.get(task, 0)
    return tuple(str(number) for number in range(classes))


def _check_labels(output: TensorSpec, labels: tuple[str, ...], task: str) -> None:
    classes = 2 if task == "binary" else output.shape[-1]
    if labels and task != "tensors" and len(labels) != classes:
        raise UserError(f"--labels: has {len(labels)} classes, but the model knows {classes}")
    if task == "binary" and output.shape[-1] != 1:
        raise UserError(f"--task: binary means one logit for each sample; the model gives {output.shape[-1]}")


def _tuple(given: Any) -> tuple[Any, ...]:
    return given if isinstance(given, tuple) else (given,)


def _labels(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        labels = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--labels: cannot read {path} ({getattr(error, 'strerror', None) or error})") from error
    if not labels:
        raise UserError(f"--labels: {path} is empty; one class a line is expected")
    return labels


def _mapping(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise argparse.ArgumentTypeError(f"'{text}' is not a JSON object, such as {{\"num_classes\": 10}}")
    return content
