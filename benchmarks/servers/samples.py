"""The bundle's golden inputs as files, one for each sample: what every server is asked."""

from pathlib import Path

import numpy as np
from PIL import Image

from torchferry.benchmarks.load.inputs import Inputs
from torchferry.benchmarks.load.oip import json_body
from torchferry.contract.resize import framed
from torchferry.serving.bundle.bundle import Bundle, ImageDecode


def write_samples(bundle: Bundle, tensors: Path, bodies: Path) -> None:
    """An .npz for each into `tensors`. Into `bodies` what TorchServe takes: a picture that becomes it, or JSON."""
    tensors.mkdir()
    bodies.mkdir()
    inputs, _ = bundle.golden()
    for number in range(len(next(iter(inputs.values())))):
        sample = {name: values[number : number + 1] for name, values in inputs.items()}
        np.savez(tensors / f"{number:03}.npz", **sample)  # type: ignore[arg-type]
        if bundle.decode:
            _write_image(bodies / f"{number:03}", sample, bundle.decode)
        else:
            (bodies / f"{number:03}.json").write_bytes(json_body(sample))


def _write_image(path: Path, sample: Inputs, decode: ImageDecode) -> None:
    """Every value is kept: a PNG, which has no CMYK, or a TIFF."""
    (pixels,) = next(iter(sample.values()))
    _, height, width = (picture := framed(pixels, decode)).shape
    image = Image.frombytes(decode.mode, (width, height), picture.transpose(1, 2, 0).tobytes())
    image.save(path.with_suffix(".tiff" if decode.mode == "CMYK" else ".png"))
