"""The `torch` variant: an ExportedProgram with a dynamic batch."""

from pathlib import Path

import torch
from torch import nn


def exported_program(model: nn.Module, sample: torch.Tensor) -> torch.export.ExportedProgram:
    """`sample` is a batch of two or more: a batch of one would be taken for a constant."""
    program = torch.export.export(model, (sample,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    for node in program.graph.nodes:
        # Names files of this machine, which are nobody's business where the bundle is served.
        node.meta.pop("stack_trace", None)
    # Would be written as a pickle; the bundle has golden inputs instead.
    program.example_inputs = None
    return program


def write_torch(program: torch.export.ExportedProgram, folder: Path) -> Path:
    path = folder / "model.pt2"
    torch.export.save(program, path)
    return path
