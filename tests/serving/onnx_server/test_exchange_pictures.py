"""A request of pictures: all bounded before one is decoded, and given up with its time or its client."""

import io
import threading

import numpy as np
import pytest
from PIL import Image

from tests.serving.onnx_server.exchanges import Asking, Free, begin, picture, pictures_of
from tests.serving.onnx_server.in_process import held_bundle, serving_session
from tests.serving.onnx_server.models.held import until
from tests.serving.wire import in_loop
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.pictures import Picture, Pictures
from torchferry.serving.errors import (
    ClientGone,
    DeadlinePassed,
    NotDecodable,
    Overloaded,
    TooLarge,
    WrongTensor,
)
from torchferry.serving.onnx_server.exchange import Exchange
from torchferry.serving.onnx_server.inference import Inference, Outputs
from torchferry.serving.onnx_server.intake import Intake


@in_loop
async def test_images_are_decoded_as_the_bundle_says_and_that_is_a_stage() -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((2, 2), 7, np.uint8)).save(file, "PNG")
    grey = ImageDecode(mode="L", height=2, width=2, interpolation="nearest")
    pixels = TensorSpec(name="x", datatype="UINT8", shape=(-1, 1, 2, 2), decode=grey)
    async with serving_session(Free(), held_bundle(inputs=(pixels,))) as (plane, _):
        exchange = begin(plane, Inference({}, files={"x": [file.getvalue()] * 3}))
        assert (await exchange.outcome())["y"].tolist() == [[[[8, 8], [8, 8]]]] * 3
        assert (exchange.context.samples, exchange.context.decode > 0) == (3, True)
        with pytest.raises(NotDecodable):
            await begin(plane, Inference({}, files={"x": [b"none"]})).outcome()


@in_loop
async def test_more_pixels_than_a_request_may_have_are_refused_before_one_is_decoded() -> None:
    async with serving_session(Free(), held_bundle(inputs=(pictures_of(2),)), max_request_pixels=200) as (plane, _):
        with pytest.raises(TooLarge, match="the 3 pictures have 300 pixels; a request may have 200"):
            await begin(plane, Inference({}, files={"x": [picture(10)] * 3})).outcome()
        with pytest.raises(TooLarge, match="the picture has 225 pixels; a request may have 200"):
            await begin(plane, Inference({}, files={"x": [picture(15)]})).outcome()
        assert len((await begin(plane, Inference({}, files={"x": [picture(10)] * 2})).outcome())["y"]) == 2


@in_loop
@pytest.mark.parametrize("late", [True, False])
async def test_who_is_late_or_hangs_up_begins_no_further_picture(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = list[int](), threading.Semaphore(0)

    def decode(_pictures: Pictures, shown: Picture) -> None:
        begun.append(shown.sample)
        assert may_end.acquire(timeout=60)

    monkeypatch.setattr(Pictures, "decode", decode)
    async with serving_session(Free(), held_bundle(inputs=(pictures_of(2),))) as (plane, model):
        exchange: Exchange[Outputs] = Exchange(plane, "rest", timeout=1 if late else None, client="ann")
        assert exchange.admit("tiny", "")
        exchange.take(Asking(Inference({}, files={"x": [picture(2)] * 30})))
        await until(lambda: len(begun) == plane.threads.most)
        assert plane.threads.held == {"ann": plane.threads.most}
        if not late:
            exchange.cancel(ClientGone())
        with pytest.raises(DeadlinePassed if late else ClientGone):
            await exchange.outcome()
        await until(lambda: not len(plane.threads.queue))
        may_end.release(1000)
        await until(lambda: not plane.threads.held)
        assert (len(begun), model.admission.inside) == (plane.threads.most, 0)


@in_loop
async def test_what_pictures_become_is_counted_before_the_first_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Semaphore(0)

    def decode(pictures: Pictures, shown: Picture) -> None:
        pictures.tensors[shown.name][shown.sample] = 0
        assert may_end.acquire(timeout=60)

    monkeypatch.setattr(Pictures, "decode", decode)
    async with serving_session(Free(), held_bundle(inputs=(pictures_of(1000),))) as (plane, _):
        plane.intake = Intake(most_bytes=10_000_000)
        small, more = ({"x": [picture(2)] * count} for count in (2, 9))
        exchange = begin(plane, Inference({}, files=small), client="ann")
        assert plane.intake.bytes.held == {"ann": 2_000_000}
        begin(plane, Inference({}, files=more), client="bob")
        with pytest.raises(Overloaded, match="too many bytes of requests are here"):
            await begin(plane, Inference({}, files=small), client="cyd").outcome()
        may_end.release(1000)
        await exchange.outcome()
        await until(lambda: not plane.intake.bytes.held)


@in_loop
async def test_files_and_tensors_of_one_request_have_the_models_order_and_one_number_of_samples() -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((2, 2), 7, np.uint8)).save(file, "PNG")
    grey = ImageDecode(mode="L", height=2, width=2, interpolation="nearest")
    inputs = (
        TensorSpec(name="x", datatype="UINT8", shape=(-1, 1, 2, 2), decode=grey),
        TensorSpec(name="row", datatype="FP64", shape=(-1, 2)),
    )
    async with serving_session(Free(), held_bundle(inputs=inputs)) as (plane, _):
        asked = Inference({"row": np.zeros((2, 2))}, files={"x": [file.getvalue()] * 2})
        await begin(plane, asked).outcome()
        assert list(asked.inputs) == ["x", "row"]
        uneven = Inference({"row": np.zeros((3, 2))}, files={"x": [b"never unpacked"] * 2})
        with pytest.raises(WrongTensor, match="batches of different sizes"):
            await begin(plane, uneven).outcome()


@in_loop
async def test_a_model_that_takes_no_images_says_so() -> None:
    async with serving_session(Free()) as (plane, _):
        with pytest.raises(WrongTensor, match="'x' takes no image files"):
            await begin(plane, Inference({}, files={"x": [b"some"]})).outcome()
