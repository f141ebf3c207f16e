"""The reference as an ExportedProgram with a dynamic batch: the `torch` variants, and what ONNX is made from."""

import contextlib
import io
import os
import traceback
from collections.abc import Sequence

import onnxruntime
import torch

import torchferry
from torchferry.errors import UserError, some
from torchferry.serving.export.recurrent.tracing import traceable
from torchferry.serving.export.reference import Reference

SAMPLE = 2  # a batch of one would be taken for a constant
SHOWN = 300  # characters of torch's reason
# Where torch's and our own code lies; what is left in a traceback is the model's.
FOREIGN = (
    *(os.path.join(folder, "") for package in (torch, torchferry, onnxruntime) for folder in package.__path__),
    contextlib.__file__,
)


def exported_program(reference: Reference) -> torch.export.ExportedProgram:
    """Raises UserError for a network that cannot be traced, with the line of it that is to blame. Says which inputs its
    answer does not depend on."""
    sample = reference.test.tensors(SAMPLE)
    batch = {0: torch.export.Dim("batch")}
    try:
        # Torch prints whole graphs beside its reason.
        with contextlib.redirect_stderr(io.StringIO()), traceable():
            # One tuple in another, as the module takes *inputs.
            program = torch.export.export(reference.module, sample, dynamic_shapes=((batch,) * len(sample),))
    except Exception as error:  # torch.export has many kinds of its own
        raise UserError(f"model: torch.export refuses it{place(error)}: {reason(error)}") from error
    if unused := _unused(program, [spec.name for spec in reference.inputs]):
        print(f"model: its answer does not depend on {some(unused)}", flush=True)
    for node in program.graph.nodes:
        # Holds file paths of this machine, which do not belong in a bundle.
        node.meta.pop("stack_trace", None)
    # Would be written as a pickle; the bundle has golden inputs instead.
    program.example_inputs = None
    return program


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
