"""Samples as instances: what a client sends is read as the same samples again."""

import json

import numpy as np
import pytest

from tests.serving.tiny_bundle import described
from torchferry.contract.image import CHANNELS
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.images import decode_image
from torchferry.serving.codec.instances import in_base64, instances, picture_file
from torchferry.serving.codec.predictions_json import read_request

GREY = ImageDecode(mode="L", height=2, width=3, interpolation="bilinear")
PICTURE = TensorSpec(name="image", datatype="UINT8", shape=(-1, 1, 2, 3), decode=GREY)
ROW = TensorSpec(name="row", datatype="FP32", shape=(-1, 2))


@pytest.mark.parametrize("specs", [(PICTURE,), (ROW,), (ROW, PICTURE)])
def test_they_are_read_as_the_same_samples(specs: tuple[TensorSpec, ...]) -> None:
    inputs: dict[str, np.ndarray] = {
        "image": np.arange(12, dtype=np.uint8).reshape(2, 1, 2, 3),
        "row": np.array([[0.1, 2], [3, 4]], np.float32),
    }
    body = json.dumps({"instances": instances(inputs, specs)}).encode()
    bundle = described(inputs=specs)
    read = read_request(body, bundle).decoded(bundle).inputs
    assert read.keys() == {spec.name for spec in specs}
    for name, values in read.items():
        np.testing.assert_array_equal(values, inputs[name], strict=True)


def test_several_inputs_go_by_name_and_one_alone() -> None:
    inputs: dict[str, np.ndarray] = {"image": np.zeros((1, 1, 2, 3), np.uint8), "row": np.zeros((1, 2), np.float32)}
    file = in_base64(picture_file(inputs["image"][0], GREY))
    assert instances(inputs, (PICTURE, ROW)) == [{"image": file, "row": [0.0, 0.0]}]
    assert instances(inputs, (PICTURE,)) == [file]


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize(("resize", "fraction"), [("crop", 0.6), ("squash", 0.875), ("pad", 1.0)])
def test_a_file_is_decoded_to_the_pixels_that_it_was_made_of(mode: str, resize: str, fraction: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (CHANNELS[mode], 5, 7), np.uint8)
    decode = ImageDecode(mode=mode, height=5, width=7, interpolation="bicubic", resize=resize, fraction=fraction)
    file = picture_file(pixels, decode)
    assert file.startswith(b"II*" if mode == "CMYK" else b"\x89PNG")
    np.testing.assert_array_equal(decode_image(file, decode)[0], pixels)
