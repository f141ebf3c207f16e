"""A server decodes a file to what training saw, and tells a client's damaged file from one that is too large."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.training.data.sources import image_tree, noise, source
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.tensor_spec import ImageDecode
from torchferry.serving.codec.images import checked_files, count_pixels, decode_image, files_in_json
from torchferry.serving.errors import NotDecodable, TooLarge, WrongTensor
from torchferry.serving.export.trained import decode_of
from torchferry.training.data.sample import Sample
from torchferry.training.data.source import ImageInput
from torchferry.training.models.saved import evaluation_data, load_model

GREY = ImageDecode(mode="L", height=8, width=8, interpolation="bilinear")


def test_a_file_gives_the_tensor_that_training_saw(run: Path, bundle: Path, samples: Path) -> None:
    decode = bundles.load(bundle).inputs[0].image
    assert decode is not None
    test = evaluation_data(load_model(run)[1]).test
    with (samples / "samples.csv").open(newline="") as file:
        for index, row in enumerate(csv.DictReader(file)):
            decoded = decode_image((samples / row["file"]).read_bytes(), decode)[0]
            np.testing.assert_array_equal(decoded, test[index][0].numpy())


def stored(orientation: int, kind: str) -> bytes:
    """A picture with an orientation in its EXIF."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    noise(orientation).save(buffer, kind, exif=exif.tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize("exif", ["apply", "ignore"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_training_and_both_servers_turn_a_picture_alike(kind: str, exif: str, tmp_path: Path) -> None:
    """All eight orientations: what training's test set gives, a user's own data set of PIL images, and a request."""
    folder = image_tree(tmp_path, ("one",), 1) / "test" / "one"
    for orientation in range(1, 9):
        (folder / f"{orientation}.jpg").write_bytes(stored(orientation, kind))
    trained = source("image_folder", root=str(tmp_path), height=12, width=12, exif=exif)
    assert isinstance(trained.input, ImageInput)
    decode = decode_of(trained.input)
    assert decode is not None
    assert decode.exif == exif
    seen = set()
    for orientation in range(1, 9):
        data = (folder / f"{orientation}.jpg").read_bytes()
        served = decode_image(data, decode)[0]
        np.testing.assert_array_equal(served, trained.test[orientation][0].numpy())
        opened = Sample(trained.input, 1, "classification")((Image.open(io.BytesIO(data)), 0), "x")
        np.testing.assert_array_equal(served, opened[0].numpy())
        turns = exif == "apply" or kind == "TIFF"
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))) if turns else Image.open(io.BytesIO(data))
        expected = upright.convert("RGB").resize((12, 12), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(served, np.asarray(expected).transpose(2, 0, 1))
        seen.add(served.tobytes())
    assert len(seen) == 8


def test_a_bundle_of_before_orientations_ignores_them() -> None:
    former = ImageDecode(mode="RGB", height=12, width=10, interpolation="bilinear")
    with Image.open(io.BytesIO(stored(3, "PNG"))) as image:
        np.testing.assert_array_equal(decode_image(stored(3, "PNG"), former)[0], np.asarray(image).transpose(2, 0, 1))


def test_what_is_no_image_is_the_clients() -> None:
    with pytest.raises(NotDecodable, match="the 8 bytes are not an image in JPEG, PNG, WEBP, BMP, GIF, TIFF, "):
        decode_image(b"no image", GREY)


def test_what_is_too_large_has_a_status_of_its_own() -> None:
    buffer = io.BytesIO()
    Image.new("1", (7_100, 7_100)).save(buffer, "PNG")
    with pytest.raises(TooLarge, match="50,000,000 are allowed"):
        decode_image(buffer.getvalue(), GREY)
    with pytest.raises(TooLarge, match="50,000,000 are allowed"):
        count_pixels(buffer.getvalue())


def test_more_files_than_are_allowed_are_refused_before_one_is_looked_at() -> None:
    with pytest.raises(TooLarge, match="'scan' has 3 samples; 2 are allowed"):
        files_in_json({"shape": [3], "data": ["no base64"] * 3}, "scan", 2)


def test_files_in_json_are_base64_in_a_list_or_in_rows_of_one() -> None:
    for shape, data in (([2], ["b25l", "dHc="]), ([2, 1], [["b25l"], ["dHc="]])):
        assert files_in_json({"shape": shape, "data": data}, "scan", 2) == [b"one", b"tw"]
    for wrong in ("b25l", [1], ["?"], None):
        with pytest.raises(WrongTensor, match="'scan' has data other than image files, each as base64 text"):
            files_in_json({"shape": [1], "data": wrong}, "scan", 2)


@pytest.mark.parametrize("shape", [[1], [2, 2], [1, 2], None])
def test_a_shape_that_is_not_the_number_of_files_is_refused(shape: object) -> None:
    with pytest.raises(WrongTensor, match=r"'scan' has shape .* and holds 2 image files"):
        checked_files([b"one", b"tw"], shape, "scan")
