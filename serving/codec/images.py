"""Image files in requests: decoded by the contract, with the errors that each protocol has a status for."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from torchferry.contract.image import ImageSpec, NotAnImage, TooManyPixels, placed_image, upright_image
from torchferry.contract.image import count_pixels as counted
from torchferry.contract.placement import Placement
from torchferry.serving.errors import NotDecodable, TooLarge, WrongTensor


def decode_image(data: bytes, decode: ImageSpec) -> tuple[np.ndarray, Placement]:
    """uint8 [channels, height, width], and where the picture is in it. Raises NotDecodable or TooLarge."""
    with _refused():
        return placed_image(data, decode)


def sent_image(data: bytes, decode: ImageSpec, most: int) -> np.ndarray:
    """uint8 [3, height, width] of the picture itself, of at most so many pixels. Raises NotDecodable or TooLarge."""
    with _refused():
        return upright_image(data, decode.exif, most)


def count_pixels(data: bytes) -> int:
    """As the file's header says it. Raises NotDecodable or TooLarge."""
    with _refused():
        return counted(data)


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except TooManyPixels as error:
        raise TooLarge(str(error)) from error
    except NotAnImage as error:
        raise NotDecodable(str(error)) from error


def files_in_json(tensor: Mapping[str, Any], name: str, most: int) -> list[bytes]:
    """The files of a BYTES tensor, whose data are base64 text because JSON cannot hold bytes. Raises WrongTensor, and
    TooLarge for more than `most` before one is looked at: an empty text has three bytes."""
    try:
        texts = _flat(tensor.get("data"))
        if len(texts) > most:
            raise TooLarge(f"'{name}' has {len(texts)} samples; {most} are allowed")
        files = [base64.b64decode(text, validate=True) for text in texts]
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
