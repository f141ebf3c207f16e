"""A graph of an .onnx file as a torch network, which ONNX Runtime computes; traced, it is one node of the file's."""

import contextlib
import io
from collections.abc import Container, Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
import torch
from google.protobuf.message import EncodeError
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented
from torch import nn

from torchferry.errors import UserError
from torchferry.serving.codec.strings import texts
from torchferry.serving.codec.tensors import BFLOAT16, STRINGS
from torchferry.serving.cpu import cores
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.numbered_strings import numbered, unnumbered
from torchferry.serving.export.onnx_graphs.double_graph import double_graph
from torchferry.serving.export.onnx_graphs.final_sigmoids import of_sigmoids
from torchferry.serving.export.onnx_graphs.lacking_operator import lacking
from torchferry.serving.export.onnx_graphs.perturbed_graph import perturbed_graph
from torchferry.serving.export.onnx_graphs.seen_shapes import SeenShapes
from torchferry.serving.export.onnx_graphs.weights import ROOT, is_outside
from torchferry.serving.session.capped_session import in_parts
from torchferry.serving.session.onnx_session import STRING
from torchferry.serving.session.runtime_words import in_our_words

DOMAIN, NODE = "torchferry.file", "Graph"
"""The node that stands for the file's graph in one that is traced; no runtime has it."""
FOLDER = "session.model_external_initializers_file_folder_path"
NOT_COPIED = "session.disable_prepacking"
"""What is mapped into memory would be laid out again in it, to be multiplied a little faster."""
Arrays = Mapping[str, np.ndarray]
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
        bfloat16: Sequence[str] = (),
        changed: Arrays | None = None,
    ) -> None:
        """`datatypes` of the inputs; `most`: samples that the graph computes together, None for any number;
        `channels_last`: the numbers of inputs that are pictures in TensorFlow's order, the channels last, and come in
        torch's; `bfloat16`: outputs that are float32 instead; `changed`: what stands for weights that are outside of
        the graph. Raises UserError for a graph that ONNX Runtime cannot compute."""
        super().__init__()
        self.model, self.most, self.channels_last = model, most, channels_last
        self.session = opened(model, changed or {})
        self.inputs = [each.name for each in self.session.get_inputs()]
        self.outputs = [each.name for each in self.session.get_outputs()]
        self.of_sigmoids = of_sigmoids(model)
        self.own_datatypes, self.narrow = datatypes, bfloat16
        self.datatypes = [torch.from_numpy(numbered(np.zeros(0, each))).dtype for each in datatypes]
        strings = [each.name for each in self.session.get_outputs() if each.type == STRING]
        self.said = dict.fromkeys(strings, STRINGS) | dict.fromkeys(bfloat16, BFLOAT16)
        """By output, datatypes that its tensors do not show: strings are numbered, BF16 is float32."""
        self.given: list[torch.Tensor] = []
        """Of each output one sample, from the last call."""
        self.seen = SeenShapes()

    def forward(self, *tensors: torch.Tensor) -> dict[str, torch.Tensor]:
        """Floating-point numbers may come in another datatype, such as of pictures."""
        taken = [self._taken(number, value) for number, value in enumerate(tensors)]
        if torch.compiler.is_exporting():
            return dict(zip(self.outputs, self._traced(taken), strict=True))
        inputs = {name: np.ascontiguousarray(value.numpy()) for name, value in zip(self.inputs, taken, strict=True)}
        given = {name: torch.from_numpy(values) for name, values in in_parts(self._run, inputs, self.most).items()}
        self.given = [each[:1] if each.dim() else each for each in given.values()]
        self.seen.add(taken, self.given)
        return given

    def perturbed(self, chance: torch.Generator) -> "OnnxNetwork":
        """With weights changed by a little more than float32 rounds."""
        model, changed = perturbed_graph(self.model, chance)
        return OnnxNetwork(model, self.own_datatypes, self.most, self.channels_last, self.narrow, changed)

    def in_double(self) -> "OnnxNetwork":
        """Raises CannotBuild where ONNX Runtime does not compute all of the graph in float64."""
        datatypes = [np.dtype(np.float64) if each.kind == "f" else each for each in self.own_datatypes]
        try:
            return OnnxNetwork(double_graph(self.model), datatypes, self.most, self.channels_last, self.narrow)
        except UserError as error:
            raise CannotBuild(in_our_words(error.__cause__ or error)) from error

    def _taken(self, number: int, value: torch.Tensor) -> torch.Tensor:
        wanted = self.datatypes[number]
        if number in self.channels_last:
            value = value.permute(0, 2, 3, 1)
        if not value.is_floating_point() or value.dtype == wanted:
            return value
        return value.to(wanted) if wanted.is_floating_point else value.round().to(wanted)  # pixels

    def _run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = computed_by(self.session, inputs)
        return {name: numbered(np.asarray(values)) for name, values in given.items()}

    def _traced(self, taken: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        batch = taken[0].shape[0]
        return torch.onnx.ops.symbolic_multi_out(
            f"{DOMAIN}::{NODE}",
            taken,
            dtypes=[each.dtype for each in self.given],
            shapes=[(batch, *sizes) for sizes in self.seen.of_outputs(taken, self.given)],
            version=1,
        )


def opened(model: onnx.ModelProto, changed: Arrays | None = None) -> onnxruntime.InferenceSession:
    """A session on all cores that computes the graph as it is written, with what is `changed` of the weights outside of
    it. Raises UserError for one that ONNX Runtime does not have all of."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    options.graph_optimization_level = Level.ORT_ENABLE_BASIC
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False  # it would keep what the largest batch took, beside each variant's session
    if any(map(is_outside, model.graph.initializer)):
        options.add_session_config_entry(FOLDER, ROOT)
        options.add_session_config_entry(NOT_COPIED, "1")
    if changed:
        held = [onnxruntime.OrtValue.ortvalue_from_numpy(values) for values in changed.values()]
        options.add_external_initializers([*changed], held)
    try:
        content = model.SerializeToString()
    except EncodeError as error:  # of a program or of TorchScript, of which torch has made it in memory
        way_on = "export it to an ONNX file with its weights beside it, and give that"
        raise UserError(f"--model: its graph has 2 GB or more, and is not taken so; {way_on}") from error
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints of some faults that it tries again
            return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except NotImplemented as error:
        raise UserError(f"--model: {lacking(model, str(error))}") from error
    except Exception as error:  # it has a kind for each fault
        raise UserError(f"--model: ONNX Runtime does not take its graph: {in_our_words(error)}") from error


def computed(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs by name. Raises UserError as `opened` does."""
    return computed_by(opened(model), inputs)


def computed_by(session: onnxruntime.InferenceSession, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Strings may be given by their numbers."""
    names = [each.name for each in session.get_outputs()]
    given = {
        each.name: texts(unnumbered(values)) if each.type == STRING and values.dtype != object else values
        for each in session.get_inputs()
        for values in [inputs[each.name]]
    }
    outputs = session.run(names, given)
    # ONNX Runtime's uint64 is another of C's types than numpy's, and torch takes numpy's alone.
    return {
        name: values.view(np.uint64) if isinstance(values, np.ndarray) and values.dtype == np.uint64 else values
        for name, values in zip(names, outputs, strict=True)
    }
