"""An .onnx file that somebody else made, with its weights, wherever they lie; and what it lacks, where it cannot be
used."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx.external_data_helper import ExternalDataInfo

from torchferry.errors import UserError, some
from torchferry.serving.codec.tensors import BFLOAT16, DATATYPES
from torchferry.serving.export.onnx_graphs import weights
from torchferry.serving.export.onnx_graphs.local_functions import without_functions
from torchferry.serving.export.onnx_graphs.locales import use_locale_of_servers
from torchferry.serving.export.onnx_graphs.nodes import nodes_of

LARGEST = 2**31
"""Bytes of a protobuf message, which has to be smaller."""
TENSORS_IN = "; export the model without the step that takes it, such as a DictVectorizer, its columns as tensors"
KINDS = {
    "sequence_type": "a sequence",
    "map_type": "a map",
    "optional_type": "an optional value",
    "sparse_tensor_type": "a sparse tensor",
}
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Of operators that ONNX Runtime has without a library of its own."""


@dataclass(frozen=True)
class Value:
    """An input or an output of a graph."""

    name: str
    dtype: np.dtype
    """float32 for bfloat16."""
    sizes: tuple[int | str, ...] | None
    """Of its axes; the name, or nothing, of one that varies. None where the graph does not say how many it has."""
    is_bfloat16: bool = False

    @property
    def datatype(self) -> str:
        """In the Open Inference Protocol."""
        return BFLOAT16 if self.is_bfloat16 else DATATYPES[self.dtype]


def read_onnx(path: Path) -> onnx.ModelProto:
    """With its weights, which stay in their files where they have 2 GB or more. Raises UserError for a file that is no
    ONNX graph, is cut short or lacks a part."""
    try:
        if (size := path.stat().st_size) >= LARGEST:
            way_on = "save it with its weights beside it (onnx.save with save_as_external_data=True)"
            raise UserError(f"{path}: has {size:,} bytes, and no ONNX file of 2 GB or more can be read; {way_on}")
        model = onnx.load(path, load_external_data=False)
    except DecodeError as error:
        raise UserError(f"{path}: is no ONNX file, or was cut short") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if not model.ir_version or not model.graph.output:
        raise UserError(f"{path}: has no graph; is it an ONNX file?")
    if model.graph.sparse_initializer:
        raise UserError(f"{path}: has sparse weights, which are not taken; store them as dense ones")
    for what, given in (("output", model.graph.output), ("weights", model.graph.initializer)):
        if twice := [name for name, times in Counter(each.name for each in given).items() if times > 1]:
            raise UserError(f"{path}: its {what} '{twice[0]}' {'is' if what == 'output' else 'are'} there twice")
    _check_texts(model, path)
    _check_domains(model, path)
    model = without_functions(model, path)  # which onnx's converter of opsets leaves out
    _read_external(model, path)  # also what functions had
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        for field in ("metadata_props", "doc_string"):  # may name files of the machine that made it
            part.ClearField(field)
    _keep_weights_inside(model.graph)
    use_locale_of_servers(model, path)
    return model


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators that the graph is written in; 0 where it has none of them."""
    return next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)


def is_onnx(path: Path) -> bool:
    """By its content: a protobuf message whose first field is the version of ONNX's intermediate representation."""
    with path.open("rb") as file:
        start = file.read(2)
    return start[:1] == b"\x08" and 0 < (start + b"\0")[1] < 128


def files_beside(path: Path) -> list[Path]:
    """Those that weights of an ONNX file are in."""
    if not is_onnx(path):
        return []
    model = onnx.load(path, load_external_data=False)
    outside = filter(weights.is_outside, weights.tensors_of(model.graph))
    return [path.parent / name for name in dict.fromkeys(ExternalDataInfo(tensor).location for tensor in outside)]


def values_of(model: onnx.ModelProto, path: Path) -> tuple[list[Value], list[Value]]:
    """Inputs and outputs. Raises UserError for what is no tensor, or one of numbers that no server takes."""
    inputs = [_value(each, path, "input", TENSORS_IN) for each in model.graph.input]
    tensors = [each.name for each in model.graph.output if each.type.HasField("tensor_type")]
    others = f"; --outputs {','.join(tensors)} serves the rest" if tensors else ""
    return inputs, [_value(each, path, "output", others) for each in model.graph.output]


def _value(info: onnx.ValueInfoProto, path: Path, what: str, way_on: str) -> Value:
    kind = info.type.WhichOneof("value")
    if kind != "tensor_type":
        name = KINDS.get(kind, "a value of no known type")
        raise UserError(f"{path}: its {what} '{info.name}' is {name}, and tensors alone are served{way_on}")
    tensor = info.type.tensor_type
    is_bfloat16 = tensor.elem_type == onnx.TensorProto.BFLOAT16
    try:
        dtype = np.dtype(np.float32 if is_bfloat16 else onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    except (KeyError, TypeError):
        dtype = np.dtype(np.void)
    if dtype not in DATATYPES:
        known = tensor.elem_type in onnx.TensorProto.DataType.values()
        name = onnx.TensorProto.DataType.Name(tensor.elem_type) if known else f"datatype {tensor.elem_type}"
        raise UserError(f"{path}: its {what} '{info.name}' is of {name}, which is not served; {_served()} are")
    return Value(info.name, dtype, _sizes(tensor) if tensor.HasField("shape") else None, is_bfloat16)


def _sizes(tensor: onnx.TypeProto.Tensor) -> tuple[int | str, ...]:
    """Some exporters write -1 for an axis that varies, and ONNX Runtime takes it as that."""
    known = [axis.HasField("dim_value") and axis.dim_value >= 0 for axis in tensor.shape.dim]
    return tuple(
        axis.dim_value if is_known else axis.dim_param for axis, is_known in zip(tensor.shape.dim, known, strict=True)
    )


def _keep_weights_inside(graph: onnx.GraphProto) -> None:
    """They are no inputs: old graphs list them among these, with the weights as what they are unless given."""
    weights = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)


def _served() -> str:
    return ", ".join((*DATATYPES.values(), BFLOAT16))


def _read_external(model: onnx.ModelProto, path: Path) -> None:
    """Raises UserError for a file of weights that is missing, short, or elsewhere."""
    for tensor in filter(weights.is_outside, weights.tensors_of(model.graph)):
        try:
            _place(tensor, path)
        except (ValueError, OSError) as error:  # a place that is no number, a name that no file can have
            raise UserError(f"{path}: where its weights '{tensor.name}' are cannot be read ({error})") from error
    try:
        weights.take_inside(model, weights.SMALL if weights.is_large(model) else math.inf)
    except (onnx.checker.ValidationError, ValueError, OSError) as error:
        raise UserError(f"{path}: its weights cannot be read: {' '.join(str(error).split())}") from error


def _place(tensor: onnx.TensorProto, path: Path) -> None:
    """Says where they are from the root folder. Raises UserError for other weights than those in a file beside the
    graph's."""
    info = ExternalDataInfo(tensor)
    location, offset, what = Path(info.location), info.offset or 0, f"{path}: its weights '{tensor.name}' are"
    file = path.parent / location
    real = file.resolve()
    if location.is_absolute() or ".." in location.parts:
        raise UserError(f"{what} at {location}, outside of its folder")
    if not file.is_file():
        raise UserError(f"{what} in {location}, which is not beside it")
    # The graph itself may be a link, as in a cache of Hugging Face's: its weights may lie where it really does.
    if not any(real.is_relative_to(folder) for folder in (path.parent.resolve(), path.resolve().parent)):
        raise UserError(f"{what} in {location}, a link to {real}, outside of its folder")
    size = file.stat().st_size
    needed = weights.bytes_of_shape(tensor)
    length = info.length if info.length is not None else size - offset if needed is None else needed
    if min(offset, length) < 0:
        raise ValueError(f"{length:,} bytes from {offset:,} on")
    if size < offset + length:
        raise UserError(f"{what} in {location}, which has {size:,} bytes; {offset + length:,} are needed")
    if needed not in (None, length):
        raise UserError(f"{what} {length:,} bytes of {location}; its shape {list(tensor.dims)} has {needed:,}")
    weights.place_outside(tensor, weights.from_root(file), offset, length)


def _check_domains(model: onnx.ModelProto, path: Path) -> None:
    own = {function.domain for function in model.functions}
    found = sorted(
        {f"{node.domain}::{node.op_type}" for node in nodes_of(model) if node.domain not in (*DOMAINS, *own)}
    )
    if found:
        raise UserError(f"{path}: needs {some(found)}, which ONNX Runtime does not have")


def _check_texts(model: onnx.ModelProto, path: Path) -> None:
    """Raises UserError for some that a server could not send: ONNX has them in UTF-8."""
    tensors = [(f"weights '{each.name}'", each.string_data) for each in weights.tensors_of(model.graph)]
    words = [(f"'{each.name}' of {node.op_type}", (each.s, *each.strings))
             for node in nodes_of(model) for each in node.attribute]  # fmt: skip
    for what, texts in (*tensors, *words):
        for text in texts:
            try:
                text.decode()
            except UnicodeDecodeError as error:
                raise UserError(f"{path}: its {what} have a text that is not UTF-8 ({text[:50]!r})") from error
