"""The bundle's golden inputs as files, one for each sample: what every server is asked."""

import json
from pathlib import Path

import numpy as np

from torchferry.benchmarks.load.inputs import Inputs
from torchferry.benchmarks.load.oip import json_body
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.instances import instances, picture_file


def write_samples(bundle: Bundle, tensors: Path, bodies: Path) -> None:
    """An .npz for each into `tensors`. Into `bodies` what TorchServe takes: a picture that becomes it, or JSON, with
    pictures as files where there are several inputs."""
    tensors.mkdir()
    bodies.mkdir()
    inputs, _ = bundle.golden()
    for number in range(len(next(iter(inputs.values())))):
        sample = {name: values[number : number + 1] for name, values in inputs.items()}
        np.savez(tensors / f"{number:03}.npz", **sample)  # type: ignore[arg-type]
        suffix, body = sample_body(sample, bundle)
        (bodies / f"{number:03}.{suffix}").write_bytes(body)


def sample_body(sample: Inputs, bundle: Bundle) -> tuple[str, bytes]:
    """A file's ending and content."""
    if not bundle.pictures:
        return "json", json_body(sample)
    if len(bundle.inputs) > 1:
        return "json", json.dumps({"instances": instances(sample, bundle.inputs)}).encode()
    (picture,) = bundle.pictures
    assert picture.image
    return "tiff" if picture.image.mode == "CMYK" else "png", picture_file(sample[picture.name][0], picture.image)
