"""Strings in tensors, which the Open Inference Protocol calls BYTES: UTF-8, as ONNX has them.

A tensor of them is an array of bytes objects. As JSON it holds texts; raw, each of its elements follows its length in
four bytes. Picture files are BYTES as well, for an input whose contract has a `decode`; they are read elsewhere.
"""

import struct
from collections.abc import Iterable, Sequence
from itertools import chain
from math import prod
from typing import Any

import numpy as np

from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.errors import TooLarge, WrongTensor

LENGTH = struct.Struct("<I")
"""What is before each element."""
MAX_STRINGS = 2**20
"""Elements of a tensor: the shortest has 5 bytes of a request, and 60 of memory."""
OBJECT_BYTES = 64
"""Of memory for each element beside its letters, about."""


def from_elements(elements: Sequence[bytes], shape: Sequence[int], spec: TensorSpec) -> np.ndarray:
    """As the declared tensor; raises WrongTensor."""
    if len(elements) != prod(shape):
        raise WrongTensor(f"'{spec.name}' has {len(elements)} strings; shape {list(shape)} has {prod(shape)}")
    for place, element in enumerate(elements):
        try:
            element.decode()
        except UnicodeDecodeError as error:
            what = f"'{spec.name}' has a string that is not UTF-8: element {place} has the byte"
            raise WrongTensor(f"{what} 0x{element[error.start]:02x}; encode it as UTF-8") from error
    return _array(elements, shape)


def from_json(data: Any, shape: Sequence[int], spec: TensorSpec) -> np.ndarray:
    """Texts in nested or flat lists as the declared tensor; raises WrongTensor."""
    elements = data if isinstance(data, list) else [data]
    while elements and set(map(type, elements)) == {list}:
        elements = list(chain.from_iterable(elements))
    if odd := [each for each in elements if type(each) is not str][:1]:
        raise WrongTensor(f"'{spec.name}' has {odd[0]!r:.50} in its data; it takes strings, as BYTES are in JSON")
    try:
        encoded = [each.encode() for each in elements]
    except UnicodeEncodeError as error:
        raise WrongTensor(
            f"'{spec.name}' has a string with half of a surrogate pair, which UTF-8 does not have"
        ) from error
    return from_elements(encoded, shape, spec)


def raw_elements(data: bytes | memoryview, name: str, most: int) -> list[bytes]:
    """The elements of a raw BYTES tensor. Raises WrongTensor, and TooLarge for more than `most` before the others are
    looked at: an empty one has four bytes."""
    given, elements, end = bytes(data), list[bytes](), 0
    while end < len(given):
        if len(elements) == most:
            raise TooLarge(f"'{name}' has more than {most} elements; {most} are allowed")
        begin = end + LENGTH.size
        end = begin + LENGTH.unpack_from(given, end)[0] if begin <= len(given) else begin
        if end > len(given):
            raise WrongTensor(f"'{name}' ends within an element; each of BYTES follows its length in four bytes")
        elements.append(given[begin:end])
    return elements


def to_raw(values: np.ndarray) -> bytes:
    return b"".join(len(value).to_bytes(4, "little") + value for value in values.ravel())


def strings(values: np.ndarray) -> np.ndarray:
    """Bytes objects of what numpy or a runtime has as text: an array of str or bytes, of objects or of fixed width."""
    given = values.ravel().tolist()
    return _array([value.encode() if isinstance(value, str) else value for value in given], values.shape)


def texts(values: np.ndarray) -> np.ndarray:
    """The same as objects that are str."""
    return _array([value.decode(errors="replace") for value in values.ravel()], values.shape)


def listed(values: np.ndarray) -> list[Any]:
    """Nested lists that JSON can hold, of numbers as well."""
    made: list[Any] = (texts(values) if values.dtype == object else values).tolist()
    return made


def length(values: np.ndarray) -> int:
    """Bytes of a tensor as it is sent."""
    if values.dtype != object:
        return values.nbytes
    return 4 * values.size + sum(map(len, values.ravel()))


def held(values: np.ndarray) -> int:
    """Bytes of memory that it takes, about."""
    return length(values) + OBJECT_BYTES * values.size if values.dtype == object else values.nbytes


def _array(elements: Iterable[Any], shape: Sequence[int]) -> np.ndarray:
    found = list(elements)
    made = np.empty(len(found), object)
    made[:] = found
    return made.reshape(shape)
