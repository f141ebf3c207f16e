"""The `onnx-fp32` variant, by torch's own dynamo exporter."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import onnx
import torch


def write_onnx(program: torch.export.ExportedProgram, folder: Path, input_name: str, output_name: str) -> Path:
    path = folder / "model.onnx"
    with _quietly():
        exported = torch.onnx.export(
            program, input_names=[input_name], output_names=[output_name], dynamo=True, verbose=False
        )
    assert exported is not None
    model = exported.model_proto
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


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
