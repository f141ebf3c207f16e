"""Pictures of a request: counted by their headers before any is decoded, and decoded one by one."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.pictures import Pictures, decoded
from torchferry.serving.errors import DeadlinePassed, NotDecodable, TooLarge, WrongTensor

GREY = ImageDecode(mode="L", height=8, width=8, interpolation="bilinear")
GIVEN = TensorSpec(name="scan", datatype="UINT8", shape=(-1, 1, 8, 8), decode=GREY)
ROW = TensorSpec(name="row", datatype="FP32", shape=(-1, 2))


def png(grey: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (5, 3), grey).save(buffer, "PNG")
    return buffer.getvalue()


def damaged(width: int, height: int) -> bytes:
    """Its header is whole."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()[: len(buffer.getvalue()) // 2]


def go_on() -> None:
    """There is time."""


def test_files_become_the_batch_of_their_input_in_the_models_order() -> None:
    row = np.zeros((2, 2), np.float32)
    inputs, placements = decoded({"row": row}, {"scan": [png(7), png(9)]}, [GIVEN, ROW], 30, go_on)
    assert list(inputs) == ["scan", "row"]
    assert [placement.size for placement in placements] == [(3, 5)] * 2
    expected = np.repeat([7, 9], 64).reshape(2, 1, 8, 8).astype(np.uint8)
    np.testing.assert_array_equal(inputs["scan"], expected, strict=True)


@pytest.mark.parametrize(
    ("files", "words"), [([b"no"], "^'scan': the 2 b"), ([png(7), b"no"], "^'scan' of sample 1: the")]
)
def test_a_file_that_is_no_image_is_named_by_input_and_sample(files: list[bytes], words: str) -> None:
    with pytest.raises(NotDecodable, match=words):
        decoded({}, {"scan": files}, [GIVEN], 1000, go_on)
    pictures = Pictures({"scan": [damaged(5, 90)]}, [GIVEN])
    with pytest.raises(NotDecodable, match=r"^'scan': the image is damaged"):
        pictures.decode(pictures.pictures[0])


def test_an_input_that_takes_no_files_says_so() -> None:
    with pytest.raises(WrongTensor, match="'scan' takes no image files"):
        Pictures({"scan": [png(7)]}, [dataclasses.replace(GIVEN, decode=None)])


def test_more_elements_than_a_tensor_may_have_are_refused() -> None:
    large = dataclasses.replace(GIVEN, shape=(-1, 1, 5000, 5000))
    with pytest.raises(TooLarge, match="'scan' has 75,000,000 elements"):
        Pictures({"scan": [b"1", b"2", b"3"]}, [large])


def test_more_pixels_together_than_a_request_may_have_are_refused_before_one_is_decoded() -> None:
    """The second is damaged, which is noticed when it is decoded."""
    files = {"scan": [png(7), damaged(100, 100)], "other": [png(7)]}
    specs = [GIVEN, dataclasses.replace(GIVEN, name="other")]
    with pytest.raises(TooLarge, match=r"^the 3 pictures have 10,030 pixels; a request may have 10,029$"):
        decoded({}, files, specs, 10_029, go_on)
    with pytest.raises(TooLarge, match=r"^the picture has 15 pixels; a request may have 14$"):
        decoded({}, {"scan": [png(7)]}, [GIVEN], 14, go_on)
    with pytest.raises(NotDecodable, match="damaged"):
        decoded({}, files, specs, 10_030, go_on)


@pytest.mark.parametrize("left", [0, 1, 2, 3])
def test_what_is_late_begins_no_further_picture(left: int) -> None:
    """Neither to look at its header nor to decode it."""
    turns = iter(range(left))

    def end() -> None:
        if next(turns, None) is None:
            raise DeadlinePassed("late")

    with pytest.raises(DeadlinePassed):
        decoded({}, {"scan": [png(7), png(9)]}, [GIVEN], 1000, end)
