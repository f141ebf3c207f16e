"""The reference of a model that was never trained here: any nn.Module, its weights from a file, its inputs as said."""

import argparse
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torchferry.arguments import words
from torchferry.contract.tasks import TASKS
from torchferry.contract.tasks.find import made
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.external.external_data import check_finite, with_checked_targets
from torchferry.serving.export.external.given_data import CALIBRATION, given_data
from torchferry.serving.export.external.given_origin import origin_of_given
from torchferry.serving.export.external.input_tensors import input_tensors
from torchferry.serving.export.external.labels import labelled
from torchferry.serving.export.external.network import origin
from torchferry.serving.export.external.output_specs import output_specs, said_task
from torchferry.serving.export.external.picture_options import add_picture_options
from torchferry.serving.export.external.prepared import Prepared
from torchferry.serving.export.external.reference_outputs import check_reference_outputs
from torchferry.serving.export.external.taken import Taken, take
from torchferry.serving.export.external.task_labels import task_labels, with_labels
from torchferry.serving.export.external.timm_network import timm_name
from torchferry.serving.export.onnx_graphs.graph_reference import GraphReference
from torchferry.serving.export.onnx_graphs.onnx_network import OnnxNetwork
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.state import add_state_options
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import Served


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a model that was not trained here, instead of RUN")
    model = "import path of an nn.Module's class or of a function that gives one, timm/NAME, or a file or folder"
    group.add_argument("--model", help=model)
    group.add_argument("--model-args", type=_mapping, default={}, metavar="JSON", help="its arguments")
    published = (
        "a file with its state_dict, of safetensors or torch.save, torchvision's such as ResNet18_Weights.DEFAULT, or "
        "of timm/NAME pretrained, which are downloaded"
    )
    group.add_argument("--weights", help=published)
    group.add_argument("--weights-key", metavar="KEY", help="which of the file's state_dicts, such as ema")
    group.add_argument("--weights-prefix", metavar="PREFIX", help="take only what begins so, such as backbone.")
    kinds = "image:224, image:L:28x28, table:8 or tensor:FP32:3x16; again for each argument of a network with several; "
    kinds += "an image alone where its size is published; tensor:INT64:[tokens=1..512] of a tensor whose size varies, "
    kinds += "image:[64..512/16]x[64..512/16] of pictures of their own size"
    group.add_argument("--input", action="append", default=[], metavar="[NAME=]KIND", help=kinds)
    behind = (
        "what stands behind a sample that is shorter than others beside it, such as input_ids=0, or NaN; again for "
    )
    behind += "each input (default: only samples of equal sizes are computed together)"
    group.add_argument("--pad", action="append", default=[], metavar="NAME=VALUE", help=behind)
    add_picture_options(group)
    columns = "of a table: what its numbers are called, in order, so that servers take records and a CSV's header"
    group.add_argument("--columns", metavar="NAME,NAME", help=columns)
    gaps = "its inputs of floating-point numbers may hold NaN, as JSON's null and a CSV's empty cell are"
    group.add_argument("--allow-nan", action="store_true", help=gaps)
    infinite = "its inputs of floating-point numbers may be infinite, as a mask's are; JSON writes Infinity"
    group.add_argument("--allow-infinity", action="store_true", help=infinite)
    tasks = f"what its outputs mean: {', '.join(TASKS)}, or an import path (default classification with --labels, "
    group.add_argument("--task", help=f"{tasks}tensors without, of which only the numbers are known)")
    settings = 'the task\'s settings, such as {"thresholds": 0.3}'
    group.add_argument("--task-args", type=_mapping, default={}, metavar="JSON", help=settings)
    labels = "a text file with one class a line, in the order of its scores; again for each output, or head, of several"
    group.add_argument("--labels", action="append", default=[], metavar="[OUTPUT=]FILE", help=labels)
    arrays = "FOLDER/CLASS/*.jpg, or an .npz of inputs by name and 'targets', of several heads 'targets.HEAD'"
    group.add_argument("--eval-data", type=Path, help=arrays)
    source = (
        "any source, as a recipe has it: '{name: coco, args: {annotations: test.json, ...}}'; its test set judges, "
    )
    source += "its training set calibrates; --input says its pictures"
    group.add_argument("--source", metavar="YAML", help=source)
    group.add_argument("--calibration-data", type=Path, help="as --eval-data, for quantisation (default: that itself)")
    known = "an .npz of what the model is known to give for --eval-data, by its outputs' names; it is held against that"
    group.add_argument("--reference", type=Path, metavar="FILE", help=known)
    kept = "of an ONNX file, the outputs that are served (default all of them)"
    group.add_argument("--outputs", type=words, default=(), metavar="NAME,NAME", help=kept)
    add_state_options(group)
    name = "the bundle's name (default: the run's, or the last word of --model, or its class if that is a verb)"
    group.add_argument("--name", help=name)


def load_given(options: argparse.Namespace) -> Reference:
    """Raises UserError for whatever does not fit together."""
    taken = take(options)
    network, binding, inputs, task = taken.bound.network, taken.bound.binding, taken.bound.inputs, taken.task
    data = given_data(options, inputs, taken.labels, task)
    test, calibration, task = data.test, data.calibration, data.task
    if options.reference and test.random:
        raise UserError("--reference: needs the samples that it is of; give them with --eval-data")
    _say_what_lacks(options, taken, test)
    specs = input_tensors(inputs, options.allow_nan, options.columns, options.allow_infinity)
    check_finite(test, specs, data.option)
    check_finite(calibration, specs, CALIBRATION if options.calibration_data else data.option)
    # In evaluation before anything is computed: BatchNorm's statistics would move.
    prepared = Prepared(network, inputs, binding, task).eval()
    prepared.take_probabilities(test)
    given_outputs, raw = output_specs(Served(prepared, task).eval(), test, specs)
    if task.task.outputs:
        outputs, classes = given_outputs, task_labels(task, raw, taken.labels, data.labels, said_task(task.task))
    else:
        outputs, classes = labelled(given_outputs, taken.labels)
    settled = made(type(task.task), task.task.settings, classes, "--task-args")
    meant = half_of(settled.of_outputs({each.name: each.labels for each in outputs}))
    if not any(spec.axes for spec in specs):  # else targets are of as many sizes as samples are
        meant.take_outputs(raw)
    test = with_checked_targets(test, meant, data.option)
    if options.calibration_data is not None:
        with_checked_targets(calibration, meant, CALIBRATION)
    prepared.task = meant
    _say_what_is_not_padded(specs, outputs)
    # Of a graph the weights are no parameters of torch's.
    network = taken.bound.network
    kind = partial(GraphReference, network=network) if isinstance(network, OnnxNetwork) else Reference
    reference = kind(
        name=taken.name,
        task=meant.task,
        module=Served(prepared, meant).eval(),
        max_batch=taken.bound.most,
        inputs=specs,
        outputs=with_labels(outputs, meant.task) if meant.task.outputs else outputs,
        test=test,
        test_in_full=data.test_in_full,
        calibration=None if calibration.random else calibration,
        limits={},
        origin=origin_of_given(options, data),
        provenance=origin(options) | ({"preprocessing": taken.preprocessing} if taken.preprocessing else {}),
    )
    if options.reference and any(spec.axes for spec in specs):
        raise UserError("--reference: is for samples of one size, and an axis of the inputs varies")
    if options.reference:
        check_reference_outputs(reference, options.reference)
    return reference


def _say_what_lacks(options: argparse.Namespace, taken: Taken, test: Samples) -> None:
    """What makes a bundle less than it looks."""
    if taken.lacks_weights and timm_name(options.model):
        print("no --weights: they are random; --weights pretrained downloads those of timm", flush=True)
    elif taken.lacks_weights:
        print(f"no --weights: they are as {options.model} makes them, random unless it loads some", flush=True)
    if test.random:
        said = f"variants are compared on {test.count:,} random samples, and how often they are right is not known"
        print(f"no --eval-data: {said}", flush=True)


def _say_what_is_not_padded(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
    known = {axis.name for spec in inputs for axis in spec.axes}
    own = [spec.name for spec in outputs if any(axis.name not in known for axis in spec.axes)]
    if own and any(spec.pad is not None for spec in inputs):
        why = "has an axis that follows none of the inputs', of which nothing tells what is padding's"
        print(f"--pad: is not used, as output '{own[0]}' {why}", flush=True)


def _mapping(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise argparse.ArgumentTypeError(f"'{text}' is not a JSON object, such as {{\"num_classes\": 10}}")
    return content
