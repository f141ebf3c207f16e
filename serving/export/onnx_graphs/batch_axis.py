"""Gives a graph the batch as the first axis of each input and output, where it has another one or none.

A server puts samples of several requests on that axis. A graph that was made for exactly so many samples is filled up
with zeros to that number, and what they give is cut off. A graph without such an axis takes one sample, which is all
that it computes at a time: the axis is taken off before it, and put on what it gives.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper

from torchferry.errors import UserError
from torchferry.serving.export.onnx_graphs.graph_names import names_of, rename
from torchferry.serving.export.onnx_graphs.onnx_file import Value, opset_of

AXIS = "batch"
WITH_INPUTS = 13
"""The first opset in which Squeeze, Unsqueeze and Slice are told axes and ends by inputs."""
ALIKE = 1e-4
"""Of an output's largest value: rounding in another order."""

Arrays = Mapping[str, np.ndarray]
Run = Callable[[onnx.ModelProto, Arrays], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Batched:
    model: onnx.ModelProto
    most: int | None
    """Samples that it computes together; None is any number."""
    sizes: tuple[tuple[int | str, ...], ...]
    """Of a sample of each input."""
    said: str = ""
    """What was done, for the user."""


def batched(model: onnx.ModelProto, inputs: Sequence[Value], run: Run) -> Batched:
    """`run` computes a graph. Raises UserError for a graph of which one input has a varying first axis and another has
    not, for one whose other axes alone vary, and for one that cannot compute made-up values of its own
    sizes."""
    first = {value.name: value.sizes[0] if value.sizes else None for value in inputs}
    if not any(isinstance(size, str) for size in first.values()):
        return _of_fixed(model, inputs, run)
    if odd := [name for name, size in first.items() if not isinstance(size, str)]:
        other = next(name for name in first if name not in odd)
        raise UserError(f"--model: the first axis of its input '{other}' varies, that of '{odd[0]}' does not, and so "
                        f"no axis is the batch; give '{other}' its whole size by --input")  # fmt: skip
    return Batched(model, None, tuple((value.sizes or ())[1:] for value in inputs))


def _of_fixed(model: onnx.ModelProto, inputs: Sequence[Value], run: Run) -> Batched:
    sizes = tuple(value.sizes or () for value in inputs)
    for value in inputs:
        if any(isinstance(size, str) for size in value.sizes or ()):
            raise UserError(f"--model: the first axis of its input '{value.name}' does not vary and another does; of "
                            "such a graph give one size by --input, or make its batch dynamic")  # fmt: skip
    samples, rest = _samples_of(model, inputs, run), tuple(each[1:] for each in sizes)
    if samples == 1:
        return Batched(_freed(model), 1, rest, "its graph computes one sample at a time")
    if samples:
        said = f"its graph computes {samples} samples at a time; fewer are filled up to that"
        return Batched(_filled_up(model, inputs, samples), samples, rest, said)
    return Batched(_framed(model, inputs), 1, sizes, "its graph has no batch axis; a request is one sample")


def _samples_of(model: onnx.ModelProto, inputs: Sequence[Value], run: Run) -> int:
    """How many there are on the first axis of all inputs and outputs; 0 where that is no axis of samples, as far as
    made-up values tell: they may be none that the graph takes."""
    given = made_up(inputs, 0)
    try:
        outputs = run(model, given)
        firsts = {values.shape[:1] for values in (*given.values(), *outputs.values())}
        count = next(iter(firsts))[0] if len(firsts) == 1 and () not in firsts else 0
        return count if count == 1 or (count and _is_of_rows(model, inputs, outputs, run)) else 0
    except UserError:
        raise
    except Exception:  # whatever a runtime makes of them
        return 0


def made_up(inputs: Sequence[Value], seed: int) -> dict[str, np.ndarray]:
    """Values of the inputs' own sizes."""
    chance = np.random.default_rng(seed)
    found = {}
    for value in inputs:
        numbers = chance.standard_normal(value.sizes) if value.dtype.kind == "f" else chance.integers(0, 2, value.sizes)  # type: ignore[arg-type]
        found[value.name] = (
            np.asarray(numbers).astype(str if value.dtype == object else value.dtype).astype(value.dtype)
        )
    return found


def _is_of_rows(model: onnx.ModelProto, inputs: Sequence[Value], outputs: Arrays, run: Run) -> bool:
    """Whether the first axis holds samples: in another order rows give the same, and so do they among others."""
    given, others = made_up(inputs, 0), made_up(inputs, 1)
    count = len(next(iter(given.values())))
    order, kept = np.roll(np.arange(count), 1), count // 2
    mixed = {name: np.where(_rows(values, kept), values, others[name]) for name, values in given.items()}
    turned, beside = run(model, {name: values[order] for name, values in given.items()}), run(model, mixed)
    return all(
        _alike(turned[name], values[order]) and _alike(beside[name][kept], values[kept])
        for name, values in outputs.items()
    )


def _rows(values: np.ndarray, kept: int) -> np.ndarray:
    return (np.arange(len(values)) == kept).reshape(-1, *[1] * (values.ndim - 1))


def _alike(given: np.ndarray, wanted: np.ndarray) -> bool:
    if given.shape != wanted.shape:
        return False
    if wanted.dtype.kind != "f":
        return bool((given == wanted).all())
    scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0)
    return bool(np.isclose(given, wanted, rtol=0, atol=ALIKE * scale, equal_nan=True).all())


def _freed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The first axes, of one, under the batch's name: what it computes inside stays for one sample."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for value in (*made.graph.input, *made.graph.output):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_param = AXIS
    return made


def _framed(model: onnx.ModelProto, inputs: Sequence[Value]) -> onnx.ModelProto:
    own = {each.name: _own_axes(each) for each in model.graph.input}
    frame = Frame(model)
    axis = frame.constant("first_axis", [0])
    for value in inputs:
        frame.take(value, own[value.name] or value.sizes or (), "Squeeze", axis)
    for name in frame.outputs:
        frame.give(name, "Unsqueeze", axis)
    return frame.finished(inner_axis=False)


def _own_axes(info: onnx.ValueInfoProto) -> list[int | None]:
    """As the file has them, None for one that varies. ONNX Runtime refuses a graph that is told the sizes which --input
    says, where a branch that is not taken for these is for others."""
    axes = info.type.tensor_type.shape.dim
    return [each.dim_value if each.HasField("dim_value") and each.dim_value >= 0 else None for each in axes]


def _filled_up(model: onnx.ModelProto, inputs: Sequence[Value], samples: int) -> onnx.ModelProto:
    frame = Frame(model)
    start, end, one = (frame.constant(name, [number]) for name, number in (("start", 0), ("end", samples), ("one", 1)))
    for value in inputs:
        rest = (value.sizes or ())[1:]
        blank: Any = "" if value.dtype == object else 0
        zeros = frame.weights(f"{value.name}:zeros", np.full((samples, *rest), blank, value.dtype))  # type: ignore[arg-type]
        long = frame.node("Concat", [value.name, zeros], f"{value.name}:long", axis=0)
        frame.take(value, rest, "Slice", start, end, start, given=long)
    shape = frame.node("Shape", [inputs[0].name], "batch:shape")
    count = frame.node("Slice", [shape, start, one], "batch:count")
    for name in frame.outputs:
        frame.give(name, "Slice", start, count, start)
    return frame.finished(inner_axis=True)


class Frame:
    """Nodes of ours before and behind a graph, whose own inputs and outputs have other names inside."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Raises UserError for a graph of an opset that cannot be brought to WITH_INPUTS."""
        self.model = _of_opset(model)
        self.graph = self.model.graph
        inputs, self.outputs = names_of(self.model)
        rename(self.model, [_inside(name) for name in inputs], [_inside(name) for name in self.outputs])
        self.inputs: list[onnx.ValueInfoProto] = []
        self.before: list[onnx.NodeProto] = []
        self.behind: list[onnx.NodeProto] = []

    def take(self, value: Value, sizes: Sequence[int | str | None], kind: str, *others: str, given: str = "") -> None:
        """The graph's input, of samples of these sizes, becomes what a node makes of it, or of what was `given`."""
        datatype = helper.np_dtype_to_tensor_dtype(value.dtype)
        self.inputs.append(helper.make_tensor_value_info(value.name, datatype, [AXIS, *sizes]))
        self.before.append(
            helper.make_node(kind, [given or value.name, *others], [_inside(value.name)], f"{value.name}:framed")
        )

    def give(self, name: str, kind: str, *others: str) -> None:
        """The graph's output is what a node makes of it."""
        self.behind.append(helper.make_node(kind, [_inside(name), *others], [name], f"{name}:framed"))

    def node(self, kind: str, given: Sequence[str], made: str, **attributes: Any) -> str:
        self.before.append(helper.make_node(kind, [*given], [made], made, **attributes))
        return made

    def constant(self, name: str, numbers: Sequence[int]) -> str:
        return self.weights(f"batch:{name}", np.array(numbers, np.int64))

    def weights(self, name: str, values: np.ndarray) -> str:
        self.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
        return name

    def finished(self, *, inner_axis: bool) -> onnx.ModelProto:
        """`inner_axis`: whether the first axis of the graph's own outputs is the batch as well."""
        nodes = [*self.before, *self.graph.node, *self.behind]
        del self.graph.node[:], self.graph.input[:]
        self.graph.node.extend(nodes)
        self.graph.input.extend(self.inputs)
        for name, output in zip(self.outputs, self.graph.output, strict=True):
            output.name = name
            shape = output.type.tensor_type.shape
            axes = [*shape.dim][1:] if inner_axis else [*shape.dim]
            if output.type.tensor_type.HasField("shape"):
                del shape.dim[:]
                shape.dim.extend([onnx.TensorShapeProto.Dimension(dim_param=AXIS), *axes])
        return self.model


def _inside(name: str) -> str:
    return f"{name}:inside"


def _of_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that has the nodes of a frame."""
    opset = opset_of(model)
    if opset < WITH_INPUTS and opset:
        return brought_to(model, WITH_INPUTS)
    made = onnx.ModelProto()
    made.CopyFrom(model)
    if not opset:
        made.opset_import.append(helper.make_opsetid("", WITH_INPUTS))
    return made


def brought_to(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """The same graph in another opset. Raises UserError where that is not known to be the same."""
    try:
        return onnx.version_converter.convert_version(model, opset)
    except Exception as error:  # it has many kinds of its own
        said = " ".join(str(error).split())[:200]
        own = opset_of(model)
        raise UserError(f"--model: is in opset {own}, which cannot be brought to {opset} ({said})") from error
