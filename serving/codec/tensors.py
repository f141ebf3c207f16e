"""Tensors of the Open Inference Protocol: what a request declares and carries, checked against what a model takes.

As JSON a tensor is {"name", "shape", "datatype", "data"}, with numbers in rows or flat. Raw, it is its elements in C
order, little-endian; of BYTES each element follows its length in four bytes.
"""

import math
from collections.abc import Iterable, Mapping, Sequence, Sized
from itertools import chain
from typing import Any

import numpy as np

from torchferry.contract.axes import unequal, wrong_size
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec import strings
from torchferry.serving.codec.images import files_in_json
from torchferry.serving.codec.json_objects import check_names_read
from torchferry.serving.codec.values import checked_values
from torchferry.serving.errors import NotDecodable, TooLarge, WrongTensor

DTYPES = {
    "BOOL": np.dtype(np.bool_),
    **{f"UINT{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
}
"""Those of the protocol that numpy has; BYTES are arrays of bytes objects, and BF16 is float32 in memory, which has all
of its numbers."""
STRINGS, BFLOAT16 = "BYTES", "BF16"
BFLOAT16_BITS = 7
"""Of its fraction; its exponent is float32's."""
# numpy's kinds of JSON numbers that each kind of tensor takes: no fraction is cut off, no text is read as a number.
_KINDS = {"b": "biu", "u": "iu", "i": "iu", "f": "iuf"}
DATATYPES = {dtype: name for name, dtype in DTYPES.items()} | {np.dtype(object): STRINGS}
MAX_ELEMENTS = 2**26
TENSOR = frozenset(("name", "shape", "datatype", "data"))
FORM = '{"inputs": [{"name", "shape", "datatype", "data"}]}'


def read_tensors(
    content: Any, specs: Sequence[TensorSpec], most: int
) -> tuple[dict[str, np.ndarray], dict[str, list[bytes]]]:
    """The inputs in a request's JSON, by name: tensors, checked against what the model takes, and picture files, of at
    most so many samples.

    Raises NotDecodable if it is of another form, WrongTensor naming the tensor and what would be right, TooLarge.
    """
    try:
        names = [tensor["name"] for tensor in content["inputs"]]
        given = dict(zip(names, content["inputs"], strict=True))
    except (KeyError, TypeError) as error:
        raise NotDecodable(f"the body is not JSON of the form {FORM}") from error
    check_names(given, specs)
    for name, tensor in given.items():
        check_names_read(tensor, TENSOR, f"'{name}'")
        if names.count(name) > 1:
            raise WrongTensor(f"'{name}' is given twice")
    tensors: dict[str, np.ndarray] = {}
    files: dict[str, list[bytes]] = {}
    for spec in specs:
        tensor = given[spec.name]
        if takes_files(tensor.get("datatype"), spec):
            files[spec.name] = files_in_json(tensor, spec.name, most)
        else:
            tensors[spec.name] = from_json(tensor, spec)
    check_batch({**tensors, **files})
    check_axes(tensors, specs)
    return tensors, files


def takes_files(datatype: Any, spec: TensorSpec) -> bool:
    """Whether a tensor of that datatype holds image files for the input."""
    return datatype == STRINGS and spec.decode is not None


def write_tensors(
    tensors: Mapping[str, np.ndarray], key: str = "outputs", specs: Sequence[TensorSpec] = ()
) -> dict[str, Any]:
    """The JSON object that holds `tensors` under `key`, ready for json.dumps. `specs` tell BF16 from FP32."""
    said = {spec.name: spec.datatype for spec in specs}
    return {
        key: [
            {
                "name": name,
                "shape": list(values.shape),
                "datatype": said_datatype(values, said.get(name)),
                "data": strings.listed(values.ravel()),
            }
            for name, values in tensors.items()
        ]
    }


def dtype_of(datatype: str) -> np.dtype:
    """In memory, of numbers and truth values."""
    return np.dtype(np.float32) if datatype == BFLOAT16 else DTYPES[datatype]


def said_datatype(values: np.ndarray, output: str | None) -> str:
    """Of an answer; only the model's `output` tells BF16 from FP32."""
    datatype = DATATYPES[values.dtype]
    return BFLOAT16 if output == BFLOAT16 and datatype == "FP32" else datatype


def triton_type(datatype: str) -> str:
    """Of a model's configuration in Triton's words."""
    return "TYPE_STRING" if datatype == STRINGS else f"TYPE_{datatype}"


def check_names(given: Iterable[str], specs: Sequence[TensorSpec]) -> None:
    """Raises WrongTensor unless `given` are the names of all inputs."""
    if set(given) != {spec.name for spec in specs}:
        raise WrongTensor(f"inputs are {_names(given)}; the model takes {_names(spec.name for spec in specs)}")


def check_batch(tensors: Mapping[str, Sized]) -> int:
    """How many samples each input has; raises WrongTensor if they differ."""
    if len(tensors) == 1:
        return len(next(iter(tensors.values())))
    sizes = {len(tensor) for tensor in tensors.values()}
    if len(sizes) != 1:
        raise WrongTensor("the inputs have batches of different sizes")
    return sizes.pop()


def check_axes(tensors: Mapping[str, np.ndarray], specs: Sequence[TensorSpec]) -> None:
    """Raises WrongTensor for inputs that share an axis and have other sizes there."""
    if len(tensors) > 1 and (words := unequal(specs, tensors)):
        raise WrongTensor(words)


def check_declared(datatype: Any, shape: Any, spec: TensorSpec) -> None:
    """Raises WrongTensor or TooLarge unless a tensor that says so of itself is one that the model takes."""
    if datatype != spec.datatype:
        files = " numbers, or image files as BYTES" if spec.decode else ""
        raise WrongTensor(f"'{spec.name}' has datatype {datatype}; the model takes {spec.datatype}{files}")
    if not _fits(shape, spec.shape):
        varying = "".join(f" and {axis.name} ({axis.words})" for axis in spec.axes)
        taken = f"{list(spec.shape)}, -1 being the batch{varying}"
        raise WrongTensor(f"'{spec.name}' has shape {shape}; the model takes {taken}")
    if spec.axes and (words := wrong_size(spec, shape)):
        raise WrongTensor(words)
    most = strings.MAX_STRINGS if datatype == STRINGS else MAX_ELEMENTS
    if math.prod(shape) > most:
        raise TooLarge(f"'{spec.name}' has {math.prod(shape):,} elements; {most:,} are allowed")


def from_json(tensor: Mapping[str, Any], spec: TensorSpec) -> np.ndarray:
    """A JSON tensor's values; raises WrongTensor or TooLarge."""
    shape: Any = tensor.get("shape")
    data = tensor.get("data")
    check_declared(tensor.get("datatype"), shape, spec)
    if spec.datatype == STRINGS:
        return strings.from_json(data, shape, spec)
    types = _types_in(data)
    if type(None) in types and data is not None and dtype_of(spec.datatype).kind != "f":
        raise WrongTensor(f"'{spec.name}' has null in its data; {spec.datatype} numbers are taken")
    numbers = data if types <= {bool, int, float, type(None)} else None
    return from_numbers(numbers, shape, spec, has_null=type(None) in types and data is not None)


def _types_in(data: Any) -> set[type]:
    """Those of the elements. No text may be among them: numpy would make every number as long as the longest."""
    elements = data if isinstance(data, list) else [data]
    while (types := set(map(type, elements))) == {list}:
        elements = list(chain.from_iterable(elements))
    return types


def from_numbers(numbers: Any, shape: Any, spec: TensorSpec, *, has_null: bool = False) -> np.ndarray:
    """Numbers in nested or flat lists, or any sequence of them, as the declared tensor; raises WrongTensor.

    `has_null`: None is among them, which is NaN. Of BYTES they are bytes objects.
    """
    if spec.datatype == STRINGS:
        return strings.from_elements(numbers, shape, spec)
    dtype = dtype_of(spec.datatype)
    try:
        values = np.array(numbers, np.float64) if has_null else _array(numbers, dtype)
        if values.dtype.kind not in _KINDS[dtype.kind]:
            raise ValueError
        low, high = _range(spec.datatype)
        values = values.reshape(shape)
        if values.size and not low <= values.min() <= values.max() <= high:  # nor is NaN
            values = _within(low, high, values, spec)
        return values.astype(dtype)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        wanted = f"{spec.datatype} numbers that fill shape {shape}"
        raise WrongTensor(f"'{spec.name}' has data other than {wanted}") from error


def _within(low: float, high: float, values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Checked for NaN and infinity, and the rest for its range. Raises WrongTensor."""
    if values.dtype.kind == "f":
        values = checked_values(values, spec)
        present = values[np.isfinite(values)]
        if not present.size or low <= present.min() <= present.max() <= high:
            return values
    raise WrongTensor(f"'{spec.name}' has values outside {low}..{high}, the range of {spec.datatype}")


def from_raw(data: bytes | memoryview, shape: Sequence[int], spec: TensorSpec) -> np.ndarray:
    """Raw elements as the declared tensor, without a copy; raises WrongTensor.

    Those of a bundle that says nothing of NaN are taken as they are.
    """
    if spec.datatype == STRINGS:
        return strings.from_elements(strings.raw_elements(data, spec.name, strings.MAX_STRINGS), shape, spec)
    dtype = dtype_of(spec.datatype)
    try:
        values = (_widened(data) if spec.datatype == BFLOAT16 else np.frombuffer(data, dtype)).reshape(shape)
    except ValueError as error:
        wanted = math.prod(shape) * _item_bytes(spec.datatype)
        text = f"'{spec.name}' has {len(data)} bytes; {spec.datatype} of shape {list(shape)} has {wanted}"
        raise WrongTensor(text) from error
    if dtype == np.bool_:
        numbers = np.frombuffer(data, np.uint8)
        if numbers.max(initial=0) > 1:
            raise WrongTensor(f"'{spec.name}' has bytes other than 0 and 1, which are no BOOL")
    if dtype.kind == "f" and spec.allow_nan is not None:
        values = checked_values(values, spec)
    return values if values.flags.aligned else values.copy()  # not every kernel reads what lies across words


def from_raw_alone(data: bytes | memoryview, specs: Sequence[TensorSpec]) -> dict[str, np.ndarray]:
    """A body without JSON: the elements of the one input, whose batch its length says. Raises WrongTensor, TooLarge."""
    if len(specs) != 1:
        raise WrongTensor("a body of raw elements alone needs a model with one input")
    spec = specs[0]
    if spec.axes:
        sizes = ", ".join(axis.name for axis in spec.axes)
        raise WrongTensor(f"a body of raw elements does not say how many {sizes} '{spec.name}' has; say its shape")
    if spec.datatype == STRINGS:
        return {spec.name: _strings_alone(data, spec)}
    sample = math.prod(spec.shape[1:]) * _item_bytes(spec.datatype)
    if not sample:
        raise WrongTensor(f"a sample of '{spec.name}' has no elements, so that a body alone does not say how many")
    if not len(data) or len(data) % sample:
        raise WrongTensor(f"the body has {len(data)} bytes; a sample of '{spec.name}' has {sample}")
    shape = [len(data) // sample, *spec.shape[1:]]
    check_declared(spec.datatype, shape, spec)
    return {spec.name: from_raw(data, shape, spec)}


def _strings_alone(data: bytes | memoryview, spec: TensorSpec) -> np.ndarray:
    elements, sample = strings.raw_elements(data, spec.name, strings.MAX_STRINGS), math.prod(spec.shape[1:])
    if not elements or not sample or len(elements) % sample:
        raise WrongTensor(f"the body has {len(elements)} strings; a sample of '{spec.name}' has {sample}")
    return strings.from_elements(elements, (len(elements) // sample, *spec.shape[1:]), spec)


def to_raw(values: np.ndarray, datatype: str) -> bytes:
    """`datatype` tells BF16, whose numbers these must be, from FP32."""
    if values.dtype == object:
        return strings.to_raw(values)
    if datatype == BFLOAT16:
        return (np.ascontiguousarray(values).view(np.uint32) >> 16).astype(np.uint16).tobytes()
    return values.tobytes()


def _widened(data: bytes | memoryview) -> np.ndarray:
    """The upper half of a float32 is a bfloat16."""
    return (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)


def _item_bytes(datatype: str) -> int:
    return 2 if datatype == BFLOAT16 else DTYPES[datatype].itemsize


def _fits(shape: Any, expected: tuple[int, ...]) -> bool:
    """Whether `shape` is a list of whole numbers, equal to `expected` where that is not -1, and there at least 1."""
    if not isinstance(shape, list) or len(shape) != len(expected):
        return False
    for size, wanted in zip(shape, expected, strict=True):
        if type(size) is not int or (size < 1 and wanted) or wanted not in (size, -1):
            return False
    return True


def _array(numbers: Any, dtype: np.dtype) -> np.ndarray:
    values = np.asarray(numbers)
    if not values.size:  # which numpy takes for float64
        return values.astype(dtype)
    if dtype == np.uint64 and values.dtype.kind == "f":  # what numpy makes of whole numbers on both sides of 2**63
        whole = np.asarray(numbers, dtype=object)
        if all(type(number) is int for number in whole.flat):
            return whole.astype(dtype)
    return values


def _range(datatype: str) -> tuple[float, float]:
    dtype = dtype_of(datatype)
    if dtype.kind == "f":
        limits = np.finfo(dtype)
        bits = BFLOAT16_BITS if datatype == BFLOAT16 else limits.nmant
        # What is rounded to the largest counts as well, or the 3.4028235e+38 that it is written as could not come back.
        largest = (2 - 2.0**-bits) * 2.0 ** (limits.maxexp - 1)
        rounded_up = largest + 2.0 ** (limits.maxexp - bits - 2)
        # One of bfloat16 is rounded twice, to float32 first, which may be that of the middle.
        high = float(np.nextafter(dtype.type(rounded_up), 0)) if bits < limits.nmant else math.nextafter(rounded_up, 0)
        return -high, high
    return (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))


def _names(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names)
