"""The weights of a graph, in it or in a file beside it: 2 GB of them and more fit into no ONNX file.

Of a graph that is held here the place of weights that are not in it is the path of their file from the root folder, so
that onnx and ONNX Runtime find them from ROOT; of one that is written it is the name of the file beside it.
"""

import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
from onnx.external_data_helper import ExternalDataInfo, load_external_data_for_model

LARGEST = 2**31 - 2**26
"""Bytes of weights from which on they are kept outside: a protobuf message ends at 2 GB, and the rest needs some."""
SMALL = 1024
"""Bytes of weights that are in the graph in any case: shapes are inferred by such as these."""
ALIGNED = 4096
"""Where weights may begin in a file that is mapped into memory."""
PACKED = re.compile(r"INT[24]$|FLOAT[46]E")
"""Datatypes of fewer than 8 bits."""
ROOT = "/"


def tensors_of(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Its weights and constants, and those of the graphs in its nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                yield from tensors_of(inner)


def is_outside(tensor: onnx.TensorProto) -> bool:
    return bool(tensor.data_location == onnx.TensorProto.EXTERNAL)


def is_large(model: onnx.ModelProto) -> bool:
    """Whether it fits into no file together with its weights."""
    return sum(map(_bytes, tensors_of(model.graph))) >= LARGEST


def _bytes(tensor: onnx.TensorProto) -> int:
    """Those of raw data are not asked for: they would be copied."""
    if is_outside(tensor):
        return _place_of(tensor)[2]
    if tensor.data_type == onnx.TensorProto.STRING:
        return sum(map(len, tensor.string_data))
    needed = bytes_of_shape(tensor)
    return len(tensor.raw_data) if needed is None else needed


def bytes_of_shape(tensor: onnx.TensorProto) -> int | None:
    """Those that its numbers have; None of texts, of numbers of fewer than 8 bits, which are packed, and of a datatype
    that no runtime has either."""
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except KeyError:
        return None
    is_packed = PACKED.search(onnx.TensorProto.DataType.Name(tensor.data_type))
    return None if dtype.kind == "O" or is_packed else math.prod(tensor.dims) * dtype.itemsize


def values_of(tensor: onnx.TensorProto) -> np.ndarray:
    """Where they are outside, read as they are used; what is written to them stays in memory."""
    if not is_outside(tensor):
        return onnx.numpy_helper.to_array(tensor)
    (location, offset, _), dtype = _place_of(tensor), onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    return np.memmap(ROOT + location, dtype, "c", offset, tuple(tensor.dims))


def take_inside(model: onnx.ModelProto, most: float = math.inf) -> None:
    """All weights but those of the graph itself that have more than so many bytes."""
    kept = [tensor for tensor in model.graph.initializer if is_outside(tensor) and _bytes(tensor) > most]
    for tensor in kept:
        tensor.data_location = onnx.TensorProto.DEFAULT  # by which onnx tells what it has to read
    load_external_data_for_model(model, ROOT)
    for tensor in kept:
        tensor.data_location = onnx.TensorProto.EXTERNAL


def place_outside(tensor: onnx.TensorProto, location: str, offset: int, length: int) -> None:
    tensor.data_location = onnx.TensorProto.EXTERNAL
    del tensor.external_data[:]
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))


def _place_of(tensor: onnx.TensorProto) -> tuple[str, int, int]:
    """Location, offset and length."""
    info = ExternalDataInfo(tensor)
    return info.location, info.offset or 0, info.length or 0


def from_root(file: Path) -> str:
    """Where it is held that weights are in this file."""
    return file.resolve().relative_to(ROOT).as_posix()


def file_beside(path: Path) -> Path:
    """Of a graph's weights, where they are not in it."""
    return path.with_name(f"{path.name}.data")


def files_of(path: Path) -> list[Path]:
    """All that a graph's file, or that of another variant, is loaded from."""
    return [file for file in (path, file_beside(path)) if file.exists()]


def bytes_of(path: Path) -> int:
    return sum(file.stat().st_size for file in files_of(path))


def read(path: Path) -> onnx.ModelProto:
    """One that `write` or ONNX Runtime has written, with its weights, if it is not large."""
    model = onnx.load(path, load_external_data=False)
    for tensor in filter(is_outside, tensors_of(model.graph)):
        location, offset, length = _place_of(tensor)
        place_outside(tensor, from_root(path.parent / location), offset, length)
    take_inside(model, SMALL if is_large(model) else math.inf)
    return model


def write(model: onnx.ModelProto, path: Path) -> None:
    """A large one with its weights beside it, which are no longer in what is held."""
    beside = file_beside(path)
    beside.unlink(missing_ok=True)
    if not is_large(model):
        take_inside(model)
        onnx.save(model, path)
        return
    with beside.open("wb") as file:
        placed = [tensor for tensor in model.graph.initializer if _is_placed(tensor, file, beside.name)]
    path.write_bytes(model.SerializeToString())
    for tensor in placed:
        _, offset, length = _place_of(tensor)
        place_outside(tensor, from_root(beside), offset, length)


def _is_placed(tensor: onnx.TensorProto, file: BinaryIO, name: str) -> bool:
    """Whether its numbers are so many that they were added to the file of that name."""
    if _bytes(tensor) <= SMALL or tensor.data_type == onnx.TensorProto.STRING:
        return False
    offset = file.seek(-file.tell() % ALIGNED, 1)
    if is_outside(tensor):
        location, start, length = _place_of(tensor)
        file.write(np.memmap(ROOT + location, np.uint8, "r", start, (length,)).data)
    else:
        file.write(tensor.raw_data or onnx.numpy_helper.to_array(tensor).tobytes())
    for field in ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data"):
        tensor.ClearField(field)
    place_outside(tensor, name, offset, file.tell() - offset)
    return True


def copy(source: Path, target: Path) -> None:
    """A graph's file and what lies beside it."""
    if file_beside(source).exists():
        write(read(source), target)
    else:
        shutil.copyfile(source, target)
