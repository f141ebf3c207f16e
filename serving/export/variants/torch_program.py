"""The reference as an ExportedProgram with a dynamic batch, and with axes that vary between their bounds: the `torch`
variants, and what ONNX is made from."""

import contextlib
import io
import os
import traceback
from collections.abc import Sequence
from typing import Any

import onnxruntime
import torch
from torch.fx.experimental import _config as symbolic

import torchferry
from torchferry.contract.axes import Axis
from torchferry.errors import UserError, some
from torchferry.serving.export.recurrent.tracing import traceable
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.sizes import axes_of, resized
from torchferry.serving.export.variants.specialized import specialized

SAMPLE = 2  # a batch of one would be taken for a constant
LIKELY = 7
"""A size, or the next that there is, which no network has as one of its own by chance more than others."""
SHOWN = 300  # characters of torch's reason
# Where torch's and our own code lies; what is left in a traceback is the model's.
FOREIGN = (
    *(os.path.join(folder, "") for package in (torch, torchferry, onnxruntime) for folder in package.__path__),
    contextlib.__file__,
)


def exported_program(reference: Reference) -> torch.export.ExportedProgram:
    """Raises UserError for a network that cannot be traced, with the line of it that is to blame, or that takes other
    sizes than were said. Says which inputs its answer does not depend on."""
    try:
        program = _traced(reference)
    except Exception as error:  # torch.export has many kinds of its own
        if words := specialized(str(error), reference.inputs):
            raise UserError(f"--input: {words}") from error
        raise UserError(f"model: torch.export refuses it{place(error)}: {reason(error)}") from error
    if unused := _unused(program, [spec.name for spec in reference.inputs]):
        print(f"model: its answer does not depend on {some(unused)}", flush=True)
    for node in program.graph.nodes:
        # Holds file paths of this machine, which do not belong in a bundle.
        node.meta.pop("stack_trace", None)
    # Would be written as a pickle; the bundle has golden inputs instead.
    program.example_inputs = None
    return program


def trace_sample(reference: Reference) -> tuple[torch.Tensor, ...]:
    """The network's arguments, of sizes that stand for all others: torch takes 0 and 1 for constants, and may take
    axes of equal sizes for one."""
    inputs = reference.test.repeated(SAMPLE)
    sizes: dict[str, int] = {}
    for axis in axes_of(reference.inputs).values():
        free = [size for size in axis.sizes if size > SAMPLE and size not in sizes.values()]
        wished = (own for own in free if own >= min(LIKELY, free[-1]))
        sizes[axis.name] = next(wished, axis.sizes[-1])
    return tuple(map(torch.from_numpy, resized(inputs, reference.inputs, sizes).values()))


def _traced(reference: Reference) -> torch.export.ExportedProgram:
    sample, batch = trace_sample(reference), torch.export.Dim("batch")
    dims = {name: _dim(axis) for name, axis in axes_of(reference.inputs).items()}
    # One tuple in another, as the module takes *inputs.
    shapes = (tuple({0: batch} | {axis.at: dims[axis.name] for axis in spec.axes} for spec in reference.inputs),)

    def traced() -> torch.export.ExportedProgram:
        with contextlib.redirect_stderr(io.StringIO()), traceable():  # torch prints graphs beside its reason
            return torch.export.export(reference.module, sample, dynamic_shapes=shapes)

    try:
        return traced()
    except Exception:
        if not dims:
            raise
    # Once more without what torch assumes of any size, that it is not 1: a short sample may leave one row within.
    with symbolic.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]  # torch adds it
        return traced()


def _dim(axis: Axis) -> Any:
    """torch's own of a multiple keeps the bounds."""
    dim = torch.export.Dim(axis.name, min=axis.sizes[0] // axis.step, max=axis.sizes[-1] // axis.step)
    return dim if axis.step == 1 else axis.step * dim


def _unused(program: torch.export.ExportedProgram, inputs: Sequence[str]) -> list[str]:
    own = dict(zip(program.graph_signature.user_inputs, inputs, strict=True))
    return [own[node.name] for node in program.graph.nodes if node.name in own and not node.users]


def place(error: Exception) -> str:
    """The innermost line that belongs to the model."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(FOREIGN)]
    if not frames:
        return ""
    last = frames[-1]
    return f" at {last.filename}:{last.lineno}, '{(last.line or '').strip()}'"


def reason(error: Exception) -> str:
    text = " ".join(str(error).split("\n\n")[0].split())
    return f"{type(error).__name__}: {text[:SHOWN]}" + ("..." if len(text) > SHOWN else "")
