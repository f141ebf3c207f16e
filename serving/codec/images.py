"""Image files in requests: decoded by the contract, with the errors that each protocol has a status for."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from torchferry.contract.image import ImageSpec, NotAnImage, TooManyPixels
from torchferry.contract.image import decode_image as decoded
from torchferry.serving.bundle.bundle import TensorSpec
from torchferry.serving.errors import NotDecodable, RequestError, TooLarge, WrongTensor


def decode_image(data: bytes, decode: ImageSpec) -> np.ndarray:
    """uint8 [channels, height, width]. Raises NotDecodable or TooLarge."""
    try:
        return decoded(data, decode)
    except TooManyPixels as error:
        raise TooLarge(str(error)) from error
    except NotAnImage as error:
        raise NotDecodable(str(error)) from error


def decode_files(files: Sequence[bytes], spec: TensorSpec) -> np.ndarray:
    """uint8 [samples, channels, height, width] of an input's files, one a sample.

    Raises NotDecodable or TooLarge, which name the input, and of several samples which it is, from 0.
    """
    if spec.decode is None:
        raise WrongTensor(f"'{spec.name}' takes no image files")
    pictures = []
    for sample, data in enumerate(files):
        try:
            pictures.append(decode_image(data, spec.decode))
        except RequestError as error:
            place = f" of sample {sample}" if len(files) > 1 else ""
            raise type(error)(f"'{spec.name}'{place}: {error}") from error
    return np.stack(pictures)


def files_in_json(tensor: Mapping[str, Any], name: str) -> list[bytes]:
    """The files of a BYTES tensor, whose data are base64 text because JSON cannot hold bytes. Raises WrongTensor."""
    try:
        files = [base64.b64decode(text, validate=True) for text in _flat(tensor.get("data"))]
    except (TypeError, ValueError, binascii.Error) as error:
        raise WrongTensor(f"'{name}' has data other than image files, each as base64 text") from error
    return checked_files(files, tensor.get("shape"), name)


def checked_files(files: list[bytes], shape: Any, name: str) -> list[bytes]:
    """Raises WrongTensor unless a BYTES tensor of that shape, [samples] or [samples, 1], has so many elements."""
    if shape not in ([len(files)], [len(files), 1]) or not files:
        raise WrongTensor(f"'{name}' has shape {shape} and holds {len(files)} image files")
    return files


def _flat(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise TypeError
    return [element for row in data for element in row] if data and isinstance(data[0], list) else data
