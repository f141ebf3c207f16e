"""Answers as files: which one a request wants, and what it holds."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.serving.bright_bundle import HEIGHT, WIDTH, bright_png, decode, described_boxes, described_mask
from tests.serving.tiny_bundle import described
from torchferry.contract.tasks.drawn_boxes import FOUND
from torchferry.contract.tasks.segmentation import Segmentation
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.answer_file import Sent, answer_file, form_of_query, wanted_form
from torchferry.serving.codec.images import decode_image
from torchferry.serving.errors import WrongParameter


@pytest.fixture
def bundle() -> Bundle:
    output = TensorSpec(name="classes", datatype="UINT8", shape=(-1, 2, 3))
    return described(Path("nowhere"), task=Segmentation(labels=("ground", "road")), outputs=(output,))


def test_a_query_says_a_form_and_nothing_else() -> None:
    assert form_of_query("") == ""
    assert form_of_query("form=png") == "png"
    for query in ("format=png", "form=png&x=1", "form=png&form=json", "&".join(f"x{i}=1" for i in range(9))):
        with pytest.raises(WrongParameter, match="only \\?form= is"):
            form_of_query(query)


@pytest.mark.parametrize(
    ("form", "accept", "wanted"),
    [
        ("", "", "json"),
        ("", "*/*", "json"),
        ("", "image/png", "png"),
        ("", "image/PNG;q=0.9, */*", "png"),
        ("", "application/json, image/png", "json"),
        ("", "image/png;q=0, application/json", "json"),
        ("", "image/png; q=0.0", "json"),
        ("", "image/webp,image/*", "json"),
        ("json", "image/png", "json"),
        ("png", "application/json", "png"),
    ],
)
def test_a_form_goes_before_what_is_accepted(bundle: Bundle, form: str, accept: str, wanted: str) -> None:
    assert wanted_form(bundle, form, accept) == wanted


def test_a_form_that_there_is_not_is_told_with_the_nearest(bundle: Bundle) -> None:
    with pytest.raises(WrongParameter, match="form=pgn is not known; did you mean png"):
        wanted_form(bundle, "pgn", "")
    with pytest.raises(WrongParameter, match="tiny answers in json"):
        wanted_form(described(), "tiff", "")


def test_a_mask_is_a_png_of_its_one_sample(bundle: Bundle) -> None:
    mask = np.array([[[0, 1, 1], [0, 0, 1]]], np.uint8)

    media, pieces = answer_file(bundle, "png", {}, {"classes": mask})

    assert media == "image/png"
    with Image.open(io.BytesIO(b"".join(pieces))) as opened:
        assert np.array_equal(np.asarray(opened), mask[0])


def test_several_samples_are_no_file(bundle: Bundle) -> None:
    with pytest.raises(WrongParameter, match="the request has 2 samples; a png is of one"):
        answer_file(bundle, "png", {}, {"classes": np.zeros((2, 2, 3), np.uint8)})


def test_a_mask_has_the_size_of_the_picture_that_was_sent() -> None:
    made, mask = described_mask(resize="crop"), np.ones((1, HEIGHT, WIDTH), np.uint8)
    file = bright_png(320, 120, (0, 0, 9, 9))
    _, placement = decode_image(file, decode(resize="crop"))
    _, pieces = answer_file(made, "png", {"image": mask[:, None]}, {"classes": mask}, Sent(file, placement))
    with Image.open(io.BytesIO(b"".join(pieces))) as opened:
        assert opened.size == (320, 120)
        assert [int((np.asarray(opened) == each).sum()) for each in (1, 255)] == [160 * 120, 160 * 120]


@pytest.mark.parametrize(("size", "drawn"), [((640, 480), (640, 480)), ((3200, 2400), (2309, 1732))])
def test_boxes_are_drawn_into_the_picture_that_was_sent_up_to_a_size(
    size: tuple[int, int], drawn: tuple[int, int]
) -> None:
    made = described_boxes()
    outputs: dict[str, np.ndarray] = {
        "boxes": np.array([[[8, 6, 16, 12], [0, 0, 0, 0]]], np.float32),
        "labels": np.zeros((1, 2), np.int64),
        "scores": np.ones((1, 2), np.float32),
        "count": np.array([1]),
    }
    file = bright_png(*size, (0, 0, *size))
    _, placement = decode_image(file, decode())
    inputs = {"image": np.zeros((1, 1, HEIGHT, WIDTH), np.uint8)}
    _, pieces = answer_file(made, "png", inputs, outputs, Sent(file, placement))
    with Image.open(io.BytesIO(b"".join(pieces))) as opened:
        assert opened.size == drawn
        frame = np.argwhere((np.asarray(opened) == FOUND).all(axis=2))
    assert frame.min(axis=0).tolist() == pytest.approx([drawn[1] / 4, drawn[0] / 4], abs=1)
    assert frame.max(axis=0).tolist() == pytest.approx([drawn[1] / 2, drawn[0] / 2], abs=1)
