"""Every variant by name, and how each is built."""

import copy
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch

from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.variants.graph_names import hide, rename
from torchferry.serving.export.variants.graphs import Graphs
from torchferry.serving.export.variants.onnx_graph import Level, write_optimized
from torchferry.serving.export.variants.quantize import Refusal, quantized
from torchferry.serving.export.variants.torch_program import SAMPLE


@dataclass(frozen=True)
class Built:
    file: Path
    note: str | None = None


Builder = Callable[[Graphs, Path, Refusal], Built]
"""Writes the variant into its folder below the one for all variants. Raises CannotBuild."""


def torch_program(graphs: Graphs, variants: Path, _: Refusal) -> Built:
    file = variants / "torch" / "model.pt2"
    if not file.exists():  # two variants share it
        file.parent.mkdir(parents=True)
        torch.export.save(graphs.program, file)
    return Built(file)


def torch_compile(graphs: Graphs, variants: Path, refusal: Refusal) -> Built:
    _need_compiler()
    return torch_program(graphs, variants, refusal)


def torch_aoti(graphs: Graphs, variants: Path, _: Refusal) -> Built:
    _need_compiler()
    from torch._inductor import aoti_compile_and_package

    file = _folder(variants, "torch-aoti") / "model.pt2"
    program = copy.copy(graphs.program)
    program.example_inputs = (graphs.reference.test.tensors(SAMPLE), {})
    with torch.no_grad():
        aoti_compile_and_package(program, package_path=str(file))
    return Built(file)


def onnx_fp32(graphs: Graphs, variants: Path, _: Refusal) -> Built:
    file = _folder(variants, "onnx-fp32") / "model.onnx"
    write_optimized(graphs.onnx, file, Level.ORT_ENABLE_EXTENDED)
    return Built(file)


def onnx_fp16(graphs: Graphs, variants: Path, _: Refusal) -> Built:
    """Weights and arithmetic in half precision, inputs and outputs as they are; for GPUs."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    file, model = _folder(variants, "onnx-fp16") / "model.onnx", onnx.load(graphs.onnx)
    names = hide(model)
    model = convert_float_to_float16(model, keep_io_types=True)
    rename(model, *names)
    onnx.save(model, file)
    return Built(file)


def onnx_int8(graphs: Graphs, variants: Path, refusal: Refusal) -> Built:
    samples = graphs.reference.calibration
    if samples is None:
        raise CannotBuild("quantisation needs real samples; give them with --eval-data")
    file = _folder(variants, "onnx-int8") / "model.onnx"
    return Built(file, quantized(graphs.onnx, samples, graphs.reference, file, refusal))


BUILDERS: dict[str, Builder] = {
    "torch": torch_program,
    "torch-compile": torch_compile,
    "torch-aoti": torch_aoti,
    "onnx-fp32": onnx_fp32,
    "onnx-fp16": onnx_fp16,
    "onnx-int8": onnx_int8,
}


def _folder(variants: Path, name: str) -> Path:
    folder = variants / name
    folder.mkdir(parents=True)
    return folder


def _need_compiler() -> None:
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        raise CannotBuild("there is no C++ compiler (g++ or clang++)")
