"""Samples of a request: bounded before any is decoded, and decoded one by one into the tensors of their inputs."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from tests.serving.encoded_bundles import SOUND, TEXT, ids_of, tokenizer_file
from tests.torchferry.contract.sounds import saved, tone
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.decoders import Decoders
from torchferry.serving.codec.decoding import QUICK, TOGETHER, Decoding, Files, decoded
from torchferry.serving.errors import DeadlinePassed, NotDecodable, TooLarge, WrongTensor

GREY = ImageDecode(mode="L", height=8, width=8, interpolation="bilinear")
GIVEN = TensorSpec(name="scan", datatype="UINT8", shape=(-1, 1, 8, 8), decode=GREY)
ROW = TensorSpec(name="row", datatype="FP32", shape=(-1, 2))


def decoders(*specs: TensorSpec) -> Decoders:
    return Decoders(specs, lambda _: tokenizer_file().encode())


def decoding(files: Files, *specs: TensorSpec) -> Decoding:
    return Decoding(files, decoders(*specs))


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
    inputs, placements = decoded({"row": row}, {"scan": [png(7), png(9)]}, decoders(GIVEN, ROW), 30, go_on)
    assert list(inputs) == ["scan", "row"]
    assert [placement.size for placement in placements] == [(3, 5)] * 2
    expected = np.repeat([7, 9], 64).reshape(2, 1, 8, 8).astype(np.uint8)
    np.testing.assert_array_equal(inputs["scan"], expected, strict=True)


def test_texts_and_sounds_of_unequal_length_have_the_pad_behind_them() -> None:
    texts, (one, other) = ["free money", "noon"], (tone(0.1, 8_000), tone(0.05, 8_000))
    sounds = [saved(one, 8_000), saved(other, 8_000, "FLAC")]
    files = {"ids": [text.encode() for text in texts], "sound": sounds}
    inputs, placements = decoded({}, files, decoders(SOUND, TEXT), 0, go_on)
    assert (list(inputs), placements) == (["sound", "ids"], ())
    np.testing.assert_array_equal(inputs["ids"], np.array([[2, 3], [8, 0]]), strict=True)
    assert inputs["sound"].shape == (2, 800)
    np.testing.assert_allclose(inputs["sound"][1, :400], other, atol=1e-4)
    assert np.isnan(inputs["sound"][1, 400:]).all()


def test_samples_of_unequal_length_without_a_pad_are_refused() -> None:
    spec = dataclasses.replace(TEXT, pad=None)
    equal, _ = decoded({}, {"ids": [b"free", b"noon"]}, decoders(spec), 0, go_on)
    assert equal["ids"].tolist() == [[2], [8]]
    with pytest.raises(WrongTensor, match=r"unequal sizes.*; send texts of other sizes in requests of their own"):
        decoded({}, {"ids": [b"free", b"free money"]}, decoders(spec), 0, go_on)


def test_inputs_that_share_an_axis_have_one_size_there() -> None:
    mask = dataclasses.replace(TEXT, name="mask", decode=None)
    with pytest.raises(WrongTensor, match="'mask' has 3 tokens, and 'ids' has 2; they share that axis"):
        decoded({"mask": np.ones((1, 3), np.int64)}, {"ids": [b"free money"]}, decoders(TEXT, mask), 0, go_on)


@pytest.mark.parametrize(
    ("files", "words"), [([b"no"], "^'scan': the 2 b"), ([png(7), b"no"], "^'scan' of sample 1: the")]
)
def test_a_file_that_is_no_image_is_named_by_input_and_sample(files: list[bytes], words: str) -> None:
    with pytest.raises(NotDecodable, match=words):
        decoded({}, {"scan": files}, decoders(GIVEN), 1000, go_on)
    pictures = decoding({"scan": [damaged(5, 90)]}, GIVEN)
    with pytest.raises(NotDecodable, match=r"^'scan': the image is damaged"):
        pictures.decode(pictures.parts[0])


def test_an_input_that_takes_no_files_says_so() -> None:
    with pytest.raises(WrongTensor, match="'scan' takes no files, but numbers"):
        decoding({"scan": [png(7)]}, dataclasses.replace(GIVEN, decode=None))


def test_more_elements_than_a_tensor_may_have_are_refused() -> None:
    large = dataclasses.replace(GIVEN, shape=(-1, 1, 5000, 5000))
    with pytest.raises(TooLarge, match="'scan' has 75,000,000 elements"):
        decoding({"scan": [b"1", b"2", b"3"]}, large)


def test_more_pixels_together_than_a_request_may_have_are_refused_before_one_is_decoded() -> None:
    """The second is damaged, which is noticed when it is decoded."""
    files = {"scan": [png(7), damaged(100, 100)], "other": [png(7)]}
    both = decoders(GIVEN, dataclasses.replace(GIVEN, name="other"))
    with pytest.raises(TooLarge, match=r"^the 3 pictures have 10,030 pixels; a request may have 10,029$"):
        decoded({}, files, both, 10_029, go_on)
    with pytest.raises(TooLarge, match=r"^the picture has 15 pixels; a request may have 14$"):
        decoded({}, {"scan": [png(7)]}, decoders(GIVEN), 14, go_on)
    with pytest.raises(NotDecodable, match="damaged"):
        decoded({}, files, both, 10_030, go_on)


@pytest.mark.parametrize("left", [0, 1, 2, 3])
def test_what_is_late_begins_no_further_picture(left: int) -> None:
    """Neither to look at its header nor to decode it."""
    turns = iter(range(left))

    def end() -> None:
        if next(turns, None) is None:
            raise DeadlinePassed("late")

    with pytest.raises(DeadlinePassed):
        decoded({}, {"scan": [png(7), png(9)]}, decoders(GIVEN), 1000, end)


def test_short_texts_are_decoded_together_and_files_one_by_one() -> None:
    short, long = b"free money", b"noon " * (TOGETHER // 5)
    texts = decoding({"ids": [short] * 9}, TEXT)
    assert (texts.is_quick, len(list(texts.calls()))) == (True, 1)
    mixed = decoding({"ids": [short, long, short], "scan": [png(1)] * 3}, TEXT, GIVEN)
    assert (mixed.is_quick, len(list(mixed.calls()))) == (False, 2 + 3)
    assert not decoding({"ids": [b"a" * (QUICK + 1)]}, TEXT).is_quick
    for call in texts.calls():
        call()
    np.testing.assert_array_equal(texts.with_inputs({})["ids"], np.repeat([ids_of("free money")[0]], 9, 0))


def test_what_the_tensors_take_is_known_before_they_are_decoded() -> None:
    """Of several sounds once their headers are read: all are as long as the longest."""
    assert decoding({"scan": [b""] * 2}, GIVEN).bytes == 2 * 64
    assert decoding({"ids": [b"abc", b"x"]}, TEXT).bytes == 2 * 3 * 8
    sound = saved(tone(0.1, 8_000), 8_000)
    assert decoding({"sound": [sound]}, SOUND).bytes == 4_000 * 4
    several = decoding({"sound": [sound, saved(tone(0.2, 8_000), 8_000)]}, SOUND)
    assert several.bytes == 0
    several.check(0, go_on)
    assert 1_600 * 2 * 4 <= several.bytes <= 1_601 * 2 * 4
