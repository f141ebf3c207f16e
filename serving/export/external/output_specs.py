"""The outputs of a network as a server describes them: names, datatypes and shapes, found by running it."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from torchferry.contract.tasks import name_of as name_of_task
from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError, some
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import DATATYPES
from torchferry.serving.export.external.flattened import Path, flattened, name_of
from torchferry.serving.export.external.prepared import Prepared
from torchferry.serving.export.external.tensor_names import legal_names
from torchferry.serving.export.onnx_graphs.onnx_network import OnnxNetwork
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.variants.torch_program import place, reason
from torchferry.training.tasks.task import Raw, Served

WHOLE = "; of a graph that computes one sample say --input with all of its axes, the first among them"


@torch.inference_mode()
def output_specs(module: Served, test: Samples) -> tuple[tuple[TensorSpec, ...], Raw]:
    """What it gives for one sample, two and three, which tells the batch from the other axes; a batch of one may lose
    its axis in a network that squeezes. And what the network gives for two, before the task makes answers of it.
    Raises UserError for what is no tensor, or has no batch, by name; prints what is left out, and which names had to be
    changed."""
    assert isinstance(module.model, Prepared)
    given = [_through(module.model.given, test, samples) for samples in (1, 2, 3)]
    one, two, three = map(flattened, given)
    paths = [path for path, value in two.items() if value is not None]
    if module.task.picked(given[1]) is None:
        _check_members(one, two, three)
        if missing := [name_of(path) for path in two if path not in paths]:
            print(f"--model: gives None for {some(missing)}, which is left out", flush=True)
    own, raw = module.task.task.outputs, _through(module.model, test, 2)
    if own:
        _check_fits(module, raw)
        answers = [_listed(_through(module, test, samples)) for samples in (1, 2, 3)]  # a softmax takes no integers
        one, two, three = ({(name,): value for name, value in zip(own, each, strict=True)} for each in answers)
        paths = [*two]
    names, said = legal_names([name_of(path) for path in paths], test.names)
    for line in said:
        print(line, flush=True)
    graph = network if isinstance(network := module.model.network, OnnxNetwork) else None
    said_datatypes = graph.said if graph and not own else {}  # of a task's own outputs the tensors show it
    specs = tuple(
        _spec(name, said_datatypes.get(name_of(path)), graph is not None, one[path], two[path], three[path])
        for name, path in zip(names, paths, strict=True)
    )
    return specs, raw


def _check_members(*given: Mapping[Path, Any]) -> None:
    """Raises UserError for other members in another batch, none at all, and one that is no tensor."""
    one, two, three = ([path for path, value in each.items() if value is not None] for each in given)
    if changing := [path for path in (*one, *two, *three) if not (path in one and path in two and path in three)]:
        raise UserError(f"--model: its output {name_of(changing[0])} is there for some numbers of samples only")
    if not two:
        raise UserError("--model: gives no tensor")
    for path, value in given[1].items():
        if value is not None and not isinstance(value, torch.Tensor):
            raise UserError(f"--model: its output {name_of(path)} is a {type(value).__name__}, not a tensor")


def _check_fits(module: Served, raw: Raw) -> None:
    """Raises UserError for outputs that are not the task's; of a graph's, some can be left out."""
    try:
        module.task.labels_in(raw, said_task(module.task.task))
    except UserError as error:
        network = module.model.network
        if not isinstance(network, OnnxNetwork) or len(network.outputs) < 2:
            raise
        raise UserError(f"{error}, or with --outputs which of {', '.join(network.outputs)} it is") from error


def said_task(task: Task) -> str:
    """As a message names the option."""
    return f"--task {name_of_task(type(task))}"


def _listed(given: Any) -> tuple[torch.Tensor, ...]:
    return given if isinstance(given, tuple) else (given,)


def _through(module: Callable[..., Any], test: Samples, samples: int) -> Any:
    try:
        return module(*test.tensors(samples))
    except UserError:  # an output that it does not have
        raise
    except Exception as error:  # whatever a network makes of inputs that do not fit
        way = "; its values are made up, and --eval-data gives real ones" if test.random else ""
        raise UserError(f"--input: the model does not take it{place(error)}: {reason(error)}{way}") from error


def _spec(name: str, said: str | None, is_graph: bool, *outputs: torch.Tensor) -> TensorSpec:
    """Of an output for one sample, two and three; `said` is its datatype where the tensors do not show it."""
    rest: torch.Size | None = None
    for count, output in reversed(list(enumerate(outputs, start=1))):
        if not output.dim() or len(output) != count or (rest is not None and output.shape[1:] != rest):
            samples = "1 sample" if count == 1 else f"{count} samples"
            raise UserError(
                f"--model: its output {name} is {list(output.shape)} for {samples}; [batch, ...] is expected"
                + (WHOLE if is_graph and not output.dim() else "")
            )
        rest, alone = output.shape[1:], output
    datatype = said or _datatype(alone)
    if datatype is None:
        raise UserError(f"--model: its output {name} is {alone.dtype}, which no server answers with")
    return TensorSpec(name=name, datatype=datatype, shape=(-1, *alone.shape[1:]))


def _datatype(output: torch.Tensor) -> str | None:
    try:
        return DATATYPES.get(output.numpy().dtype)
    except (TypeError, RuntimeError):  # bfloat16, of which numpy has none; a sparse tensor
        return None
