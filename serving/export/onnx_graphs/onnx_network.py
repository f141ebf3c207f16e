"""A graph of an .onnx file as a torch network, which ONNX Runtime computes; traced, it is one node of the file's."""

import contextlib
import io
from collections.abc import Container, Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented
from torch import nn

from torchferry.errors import UserError
from torchferry.serving.cpu import cores
from torchferry.serving.export.onnx_graphs.final_sigmoids import of_sigmoids
from torchferry.serving.export.onnx_graphs.lacking_operator import lacking
from torchferry.serving.session.capped_session import in_parts
from torchferry.serving.session.runtime_words import in_our_words

DOMAIN, NODE = "torchferry.file", "Graph"
"""The node that stands for the file's graph in one that is traced; no runtime has it."""
Level = onnxruntime.GraphOptimizationLevel


class OnnxNetwork(nn.Module):
    """Takes the graph's inputs in their order, [batch, ...], and gives a tensor by the name of each output. It computes
    as the file says: nothing of it is fused."""

    def __init__(
        self,
        model: onnx.ModelProto,
        datatypes: Sequence[np.dtype],
        most: int | None = None,
        channels_last: Container[int] = (),
    ) -> None:
        """`datatypes` of the inputs; `most`: samples that the graph computes together, None for any number;
        `channels_last`: the numbers of inputs that are pictures in TensorFlow's order, the channels last, and come in
        torch's. Raises UserError for a graph that ONNX Runtime cannot compute."""
        super().__init__()
        self.most, self.channels_last = most, channels_last
        self.session = opened(model)
        self.inputs = [each.name for each in self.session.get_inputs()]
        self.outputs = [each.name for each in self.session.get_outputs()]
        self.of_sigmoids = of_sigmoids(model)
        self.datatypes = [torch.from_numpy(np.zeros(0, each)).dtype for each in datatypes]
        self.given: list[torch.Tensor] = []
        """Of each output one sample, from the last call."""

    def forward(self, *tensors: torch.Tensor) -> dict[str, torch.Tensor]:
        """Floating-point numbers may come in another datatype, such as of pictures."""
        taken = [self._taken(number, value) for number, value in enumerate(tensors)]
        if torch.compiler.is_exporting():
            return dict(zip(self.outputs, self._traced(taken), strict=True))
        inputs = {name: np.ascontiguousarray(value.numpy()) for name, value in zip(self.inputs, taken, strict=True)}
        given = {name: torch.from_numpy(values) for name, values in in_parts(self._run, inputs, self.most).items()}
        self.given = [each[:1] for each in given.values()]
        return given

    def _taken(self, number: int, value: torch.Tensor) -> torch.Tensor:
        wanted = self.datatypes[number]
        if number in self.channels_last:
            value = value.permute(0, 2, 3, 1)
        if not value.is_floating_point() or value.dtype == wanted:
            return value
        return value.to(wanted) if wanted.is_floating_point else value.round().to(wanted)  # pixels

    def _run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = self.session.run(self.outputs, dict(inputs))
        return {name: np.asarray(values) for name, values in zip(self.outputs, given, strict=True)}

    def _traced(self, taken: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        batch = taken[0].shape[0]
        return torch.onnx.ops.symbolic_multi_out(
            f"{DOMAIN}::{NODE}",
            taken,
            dtypes=[each.dtype for each in self.given],
            shapes=[(batch, *each.shape[1:]) for each in self.given],
            version=1,
        )


def opened(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A session on all cores that computes the graph as it is written. Raises UserError for one that ONNX Runtime does
    not have all of."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    options.graph_optimization_level = Level.ORT_ENABLE_BASIC
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False  # it would keep what the largest batch took, beside each variant's session
    content = model.SerializeToString()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints of some faults that it tries again
            return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except NotImplemented as error:
        raise UserError(f"--model: {lacking(model, str(error))}") from error
    except Exception as error:  # it has a kind for each fault
        raise UserError(f"--model: ONNX Runtime does not take its graph: {in_our_words(error)}") from error


def computed(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs by name. Raises UserError as `opened` does."""
    session = opened(model)
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))
