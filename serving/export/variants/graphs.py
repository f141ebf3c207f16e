"""The graphs that variants are made of, each made when it is first asked for."""

from functools import cached_property
from pathlib import Path

import torch

from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.onnx_graphs import weights
from torchferry.serving.export.recurrent.aten_nodes import with_own_operators
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.variants.onnx_graph import Level, write_graph, write_optimized
from torchferry.serving.export.variants.torch_program import exported_program


class Graphs:
    def __init__(self, reference: Reference, scratch: Path) -> None:
        """`scratch` is a folder that is removed afterwards."""
        self.reference, self.scratch = reference, scratch

    def trace(self) -> None:
        """Raises UserError for a network that cannot be, which no other way of serving it would mend."""
        _ = self._traced

    @cached_property
    def program(self) -> torch.export.ExportedProgram:
        """Torch's own operators. Raises CannotBuild for a model that came as an ONNX graph."""
        if self.reference.graph is not None:
            raise CannotBuild("the model is an ONNX graph, of which no torch program can be made")
        return with_own_operators(self._traced)

    @cached_property
    def _traced(self) -> torch.export.ExportedProgram:
        return exported_program(self.reference)

    @cached_property
    def onnx(self) -> Path:
        """Standard operators, float32, folded."""
        raw, folded = self.scratch / "raw.onnx", self.scratch / "folded.onnx"
        write_graph(self._traced, self.reference, raw)
        write_optimized(raw, folded, Level.ORT_ENABLE_BASIC)
        for file in weights.files_of(raw):
            file.unlink()
        return folded
