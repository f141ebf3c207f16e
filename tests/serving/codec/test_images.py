"""A server decodes a file to what training saw, and tells a client's damaged file from one that is too large."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import ImageDecode
from torchferry.serving.codec.images import decode_image
from torchferry.serving.errors import NotDecodable, TooLarge
from torchferry.training.models.saved import evaluation_data, load_model

GREY = ImageDecode(mode="L", height=8, width=8, interpolation="bilinear")


def test_a_file_gives_the_tensor_that_training_saw(run: Path, bundle: Path, samples: Path) -> None:
    decode = bundles.load(bundle).decode
    assert decode is not None
    test = evaluation_data(load_model(run)[1]).test
    with (samples / "samples.csv").open(newline="") as file:
        for index, row in enumerate(csv.DictReader(file)):
            decoded = decode_image((samples / row["file"]).read_bytes(), decode)
            np.testing.assert_array_equal(decoded, test[index][0].numpy())


def test_what_is_no_image_is_the_clients() -> None:
    with pytest.raises(NotDecodable, match="the 8 bytes are not an image in JPEG, PNG, WEBP, BMP"):
        decode_image(b"no image", GREY)


def test_what_is_too_large_has_a_status_of_its_own() -> None:
    buffer = io.BytesIO()
    Image.new("1", (7_100, 7_100)).save(buffer, "PNG")
    with pytest.raises(TooLarge, match="50,000,000 are allowed"):
        decode_image(buffer.getvalue(), GREY)
