"""Makes the files of variants: each function writes one, in a folder that is there."""

import copy
import shutil
from pathlib import Path

import onnx
import torch

from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.onnx_graphs import weights
from torchferry.serving.export.onnx_graphs.graph_names import hide, rename
from torchferry.serving.export.recurrent.aten_nodes import packs
from torchferry.serving.export.variants.aoti_package import strip_package
from torchferry.serving.export.variants.graphs import Graphs
from torchferry.serving.export.variants.onnx_graph import Level, write_optimized
from torchferry.serving.export.variants.quantize import Refusal, quantizable, quantized
from torchferry.serving.export.variants.torch_program import SAMPLE


def torch_program(graphs: Graphs, file: Path, _: Refusal) -> None:
    if not file.exists():  # two variants share it
        torch.export.save(graphs.program, file)


def torch_compile(graphs: Graphs, file: Path, refusal: Refusal) -> None:
    _need_compiler()
    _need_no_packing(graphs)
    torch_program(graphs, file, refusal)


def torch_aoti(graphs: Graphs, file: Path, _: Refusal) -> None:
    _need_compiler()
    _need_no_packing(graphs)
    from torch._inductor import aoti_compile_and_package

    program = copy.copy(graphs.program)
    program.example_inputs = (graphs.reference.test.tensors(SAMPLE), {})
    with torch.no_grad():
        aoti_compile_and_package(program, package_path=str(file))
    strip_package(file)


def onnx_fp32(graphs: Graphs, file: Path, _: Refusal) -> None:
    write_optimized(graphs.onnx, file, Level.ORT_ENABLE_EXTENDED)


def onnx_fp16(graphs: Graphs, file: Path, _: Refusal) -> None:
    """Weights and arithmetic in half precision, inputs and outputs as they are; for GPUs."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = weights.read(graphs.onnx)
    names = hide(model)
    model = onnx.shape_inference.infer_shapes(model)  # while weights of 2 GB and more are outside, which it cannot take
    weights.take_inside(model)
    model = convert_float_to_float16(model, keep_io_types=True, disable_shape_infer=True)
    rename(model, *names)
    weights.write(model, file)


def onnx_int8(graphs: Graphs, file: Path, refusal: Refusal) -> str | None:
    if file.exists():  # two variants share it
        return None
    samples = graphs.reference.calibration
    if samples is None:
        quantizable(graphs.onnx)
        raise CannotBuild("quantisation needs real samples; give them with --eval-data")
    return quantized(graphs.onnx, samples, graphs.reference, file, refusal)


def _need_compiler() -> None:
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        raise CannotBuild("there is no C++ compiler (g++ or clang++)")


def _need_no_packing(graphs: Graphs) -> None:
    if packs(graphs.program):
        raise CannotBuild("it packs samples of their own lengths, which torch cannot compile; serve torch or onnx-fp32")
