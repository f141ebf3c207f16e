"""The reference as an ONNX graph, by torch's own dynamo exporter, and ONNX Runtime's optimisations saved into it."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented

from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.onnx_graphs import weights
from torchferry.serving.export.onnx_graphs.graph_names import name_nodes, rename
from torchferry.serving.export.onnx_graphs.lacking_operator import lacking
from torchferry.serving.export.onnx_graphs.splice import opset_around, spliced
from torchferry.serving.export.recurrent.onnx_nodes import TRANSLATIONS
from torchferry.serving.export.reference import Reference

OF_TORCH = "torch.onnx"
"""What torch's exporter writes of a large network, until it is written as a bundle has it."""
WEIGHTS_FILE = "session.optimized_model_external_initializers_file_name"
LEAST_OUTSIDE = "session.optimized_model_external_initializers_min_size_in_bytes"
Level = onnxruntime.GraphOptimizationLevel


def write_graph(program: torch.export.ExportedProgram, reference: Reference, path: Path) -> None:
    """Standard operators only, constants folded. Of a model that came as a graph, that graph."""
    file = reference.graph
    with _quietly():
        exported = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            opset_version=opset_around(file) if file else None,
            custom_translation_table=TRANSLATIONS,
        )
        assert exported is not None
        model = _held(exported, program, path.parent) if file is None else spliced(exported.model_proto, file)
    _strip(model)
    name_nodes(model)
    # Not by the exporter, which does not keep its own names apart from them.
    rename(model, [spec.name for spec in reference.inputs], [spec.name for spec in reference.outputs])
    _name_axes(model, reference)
    weights.write(model, path)
    for left in weights.files_of(path.with_name(OF_TORCH)):
        left.unlink()
    if file is None:  # ONNX Runtime takes graphs that ONNX's own rules do not, such as one without an output's shape
        onnx.checker.check_model(path, full_check=True)


def _name_axes(model: onnx.ModelProto, reference: Reference) -> None:
    """Those that vary, which torch numbers, under the names that the bundle has for them."""
    if not any(spec.axes for spec in reference.inputs):
        return
    named: dict[str, str] = {}
    specs = {spec.name: spec for spec in (*reference.inputs, *reference.outputs)}
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        for at, name in ((0, "batch"), *((axis.at, axis.name) for axis in specs[value.name].axes)):
            if at < len(dims) and dims[at].dim_param:
                name = named.setdefault(dims[at].dim_param, name)
                dims[at].dim_param = name
    for value in model.graph.value_info:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in named:
                dim.dim_param = named[dim.dim_param]


def _held(exported: Any, program: torch.export.ExportedProgram, folder: Path) -> onnx.ModelProto:
    """What torch has exported; where that is large, its weights in a file of that folder."""
    tensors = [*program.state_dict.values(), *filter(torch.is_tensor, program.constants.values())]
    if sum(tensor.nbytes for tensor in tensors) < weights.LARGEST:
        return exported.model_proto
    exported.save(folder / OF_TORCH, external_data=True)
    return weights.read(folder / OF_TORCH)


def write_optimized(source: Path, target: Path, level: Any) -> None:
    """What ONNX Runtime makes of the graph when it loads it, so that loading is quicker.

    ORT_ENABLE_BASIC keeps to standard operators. ORT_ENABLE_EXTENDED fuses some into ONNX Runtime's own. The layouts
    of ORT_ENABLE_ALL depend on the processor, so they are left to the machine that serves.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3  # errors alone
    if weights.file_beside(source).exists():
        options.add_session_config_entry(WEIGHTS_FILE, weights.file_beside(target).name)
        options.add_session_config_entry(LEAST_OUTSIDE, str(weights.SMALL))
    try:
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except NotImplemented as error:
        raise CannotBuild(lacking(onnx.load(source, load_external_data=False), str(error))) from error


def _strip(model: onnx.ModelProto) -> None:
    """Drop what the exporter notes for debugging: it names files of this machine and differs from run to run."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        part.ClearField("metadata_props")
    for part in (*model.graph.node, *model.graph.initializer, *model.functions):
        part.ClearField("doc_string")
    for function in model.functions:
        for node in function.node:
            node.ClearField("metadata_props")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """The exporter reports its stages on stdout, and parts of it warn about each other."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
