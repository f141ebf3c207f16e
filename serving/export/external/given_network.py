"""The network that --model names, as its inputs are bound to it: torch's own, or that of a file."""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import nn

from torchferry.errors import UserError
from torchferry.serving.codec.tensors import BFLOAT16, STRINGS
from torchferry.serving.export.external import program_file
from torchferry.serving.export.external.batch_axes import graph_with_batch_first, with_batch_first
from torchferry.serving.export.external.binding import Binding, bind
from torchferry.serving.export.external.file_kind import FileKind, kind_of_file
from torchferry.serving.export.external.huggingface.inputs import texts_of
from torchferry.serving.export.external.huggingface.meaning import Meaning, meaning_of
from torchferry.serving.export.external.huggingface.model_folder import FolderKind, is_model_folder, kind_of_folder
from torchferry.serving.export.external.huggingface.transformers_network import transformers_network
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.external.labels import Labels
from torchferry.serving.export.external.nested_inputs import Place
from torchferry.serving.export.external.network import build_network
from torchferry.serving.export.external.timm_network import network_of_folder
from torchferry.serving.export.onnx_graphs.batch_axis import batched
from torchferry.serving.export.onnx_graphs.bfloat16_ends import with_float32_ends
from torchferry.serving.export.onnx_graphs.file_inputs import by_value, channels_last, given_inputs, sized
from torchferry.serving.export.onnx_graphs.file_outputs import served_outputs
from torchferry.serving.export.onnx_graphs.onnx_file import Value, read_onnx, values_of
from torchferry.serving.export.onnx_graphs.onnx_network import OnnxNetwork, computed
from torchferry.serving.export.state import read_pairs
from torchferry.training.data.source import ImageInput

OF_GRAPHS = (STRINGS, BFLOAT16)
"""Datatypes of inputs that ONNX graphs alone can have: torch has no strings, and numpy has no bfloat16."""
OF_TORCH = ("weights", "model_args", "weights_key", "weights_prefix")
"""Options that a file, or a folder with its own weights, has no use for."""
PIPELINE = "modules.json"
"""What sentence-transformers writes beside a network."""


@dataclass(frozen=True)
class Bound:
    """A network, and which of its arguments each input is."""

    network: nn.Module
    inputs: Sequence[GivenInput]
    binding: Binding
    most: int | None = None
    """Samples that it computes together; None is any number."""
    labels: Labels = dataclasses.field(default_factory=Labels)
    """That a file says."""


class GivenNetwork:
    """What --model names, until its inputs are known."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Raises UserError for what cannot be imported, called or read, and for options that are not for it."""
        self.options, self.path = options, Path(options.model)
        self.network: nn.Module | None = None
        """None of a file that is computed as an ONNX graph."""
        self.texts: list[str] = options.input
        """--input, or what the model says of itself."""
        self.program: torch.export.ExportedProgram | None = None
        self.meaning: Meaning | None = None
        """Of a folder of transformers."""
        self.folder = str(self.path) if is_model_folder(self.path) else None
        self.kind = _kind(self.path)
        if self.kind and (others := [name for name in OF_TORCH if getattr(options, name)]):
            option = others[0].replace("_", "-")
            raise UserError(f"--{option}: is for a network of torch; {self.path.name} is {self.kind.value}")
        self._read()
        if self.network is not None and self.meaning is None and options.outputs:
            words = "is for an ONNX graph or a folder of transformers; a network gives what its forward returns"
            raise UserError(f"--outputs: {words}")
        if not self.texts and getattr(self.network, "pretrained_cfg", None):
            self.texts = ["image"]  # of timm, which says its size
        if not self.texts and self.kind is None:
            raise UserError("--input: is missing; say what the model takes, such as image:224")

    def _read(self) -> None:
        if self.kind is None:
            self.network = build_network(self.options)
        elif self.kind is FolderKind.TIMM:
            self.network = network_of_folder(self.path)
        elif self.kind is FolderKind.TRANSFORMERS:
            self._read_transformers()
        elif self.kind is FileKind.PROGRAM:
            self._read_program()

    def _read_transformers(self) -> None:
        network, architecture = transformers_network(self.path)
        if (self.path / PIPELINE).is_file():
            print(f"{self.path}: {PIPELINE} is of sentence-transformers, whose pooling is not taken along", flush=True)
        self.texts = self.texts or texts_of(network, network.config, self.path)
        self.meaning = meaning_of(network, architecture, network.config, self.options.task, self.options.outputs)
        self.network = self.meaning.network
        if count := len(self.meaning.labels) * (not self.options.labels):
            print(f"labels: {count:,} from its config.json; --labels gives others", flush=True)

    def bound(self, asked: Sequence[GivenInput]) -> Bound:
        """Raises UserError for inputs that the network, or the file, does not have."""
        if self.network is None:
            return self._bound_graph(asked)
        if other := [each for each in asked if each.datatype in OF_GRAPHS]:
            raise UserError(f"--input: '{other[0].name}' is {other[0].datatype}, which is for an ONNX graph alone")
        binding = bind(self.network, asked)
        inputs = [dataclasses.replace(each, name=own) for each, own in zip(asked, binding.names, strict=True)]
        network, binding = with_batch_first(self.network, binding, inputs, read_pairs(self.options.state))
        return Bound(network, inputs, binding, labels=Labels(self.meaning.labels if self.meaning else ()))

    def _read_program(self) -> None:
        """One of a fixed batch is computed as an ONNX graph, which can be given an axis."""
        self.program = program_file.read_program(self.path)
        if program_file.takes_any_batch(self.program):
            self.network = program_file.network_of(self.program)
            self.texts = self.texts or program_file.texts_of(self.program, self.path)

    def _graph(self, asked: Sequence[GivenInput]) -> onnx.ModelProto:
        if self.program:
            return program_file.graph_of_program(self.program, self.path)
        if self.kind is FileKind.SCRIPT:
            return program_file.graph_of_script(self.path, asked)
        return read_onnx(self.path)

    def _bound_graph(self, asked: Sequence[GivenInput]) -> Bound:
        model, labels = served_outputs(self._graph(asked), self.options.outputs, self.path)
        model = graph_with_batch_first(model, read_pairs(self.options.state))
        values, outputs = values_of(model, self.path)
        if not values:
            raise UserError(f"{self.path}: takes no input")
        said = by_value(values, asked, self.path)
        values = [sized(value, said.get(value.name), self.path) for value in values]
        narrow = [value.name for value in outputs if value.is_bfloat16]
        self._check_normalised(values, said)
        made = batched(with_float32_ends(model), values, computed)
        inputs, lines = given_inputs(values, made.sizes, said)
        last = channels_last(inputs, made.sizes)
        network = OnnxNetwork(made.model, [value.dtype for value in values], made.most, last, narrow)
        binding = Binding(
            tuple(each.name for each in inputs),
            tuple(map(Place, range(len(inputs)))),
            {},
            (*([f"--model: {made.said}"] if made.said else []), *lines),
        )
        alone = next(iter(labels.values()), ()) if len(network.outputs) == 1 else ()
        return Bound(network, inputs, binding, made.most, Labels(alone, {} if alone else labels))

    def _check_normalised(self, values: Sequence[Value], said: Mapping[str, GivenInput]) -> None:
        """Raises UserError for a mean that is said of pixels that the graph takes as they are."""
        pictures = [name for name, each in said.items() if isinstance(each.of, ImageInput)]
        whole = [value.name for value in values if value.dtype.kind != "f" and value.name in pictures]
        given = [name for name in ("normalize", "mean", "std") if getattr(self.options, name) not in (None, "none")]
        if given and whole and len(whole) == len(pictures):
            words = "takes pixels as they are, 0 to 255; leave it out"
            raise UserError(f"--{given[0]}: '{whole[0]}' in {self.path.name} {words}")


def _kind(path: Path) -> FileKind | FolderKind | None:
    """None of what is imported. Raises UserError for a file that cannot be read, or taken."""
    if path.is_file():
        try:
            return kind_of_file(path)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    return kind_of_folder(path) if is_model_folder(path) else None
