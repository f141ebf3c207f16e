"""Samples as a client sends them: instances of a JSON request, with pictures as files."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from torchferry.contract.resize import framed
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.strings import listed


def instances(inputs: Mapping[str, np.ndarray], specs: Sequence[TensorSpec]) -> list[Any]:
    """One for each sample of `inputs`, arrays by name: {"b64": a file} for a picture, numbers or texts for the rest; by
    name where there are several inputs."""
    columns = {spec.name: _column(inputs[spec.name], spec) for spec in specs}
    if len(specs) == 1:
        return columns[specs[0].name]
    return [dict(zip(columns, sample, strict=True)) for sample in zip(*columns.values(), strict=True)]


def in_base64(file: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(file).decode()}


def picture_file(pixels: np.ndarray, decode: ImageDecode) -> bytes:
    """A file that is decoded to `pixels`, uint8 [channels, height, width]: a PNG, or a TIFF of CMYK, which PNG has
    not."""
    _, height, width = (picture := framed(pixels, decode)).shape
    image = Image.frombytes(decode.mode, (width, height), picture.transpose(1, 2, 0).tobytes())
    file = io.BytesIO()
    image.save(file, "TIFF" if decode.mode == "CMYK" else "PNG")
    return file.getvalue()


def _column(values: np.ndarray, spec: TensorSpec) -> list[Any]:
    if spec.image is None:
        return listed(values)
    return [in_base64(picture_file(pixels, spec.image)) for pixels in values]
