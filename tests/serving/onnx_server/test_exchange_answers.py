"""Answers that are long to write: in pieces and in threads, bounded, and given up with their time or their client."""

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.serving.onnx_server.exchanges import Asking, Free, begin, counted
from tests.serving.onnx_server.in_process import serving_session
from tests.serving.onnx_server.models.held import sample, until
from tests.serving.wire import in_loop
from torchferry.serving.errors import (
    AnswerTooLarge,
    ClientGone,
    DeadlinePassed,
)
from torchferry.serving.onnx_server import classification
from torchferry.serving.onnx_server.classification import classified
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.exchange import FEW_CLASSES, Exchange
from torchferry.serving.onnx_server.inference import Inference, Outputs, Wanted
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.pieces import Pieces
from torchferry.serving.onnx_server.settings import LEAST_ANSWER


class Long(Asking):
    """Answered with each piece of what it is given."""

    pieces: Iterator[bytes]
    are_long = False

    def write(self, _model: Model, _asked: Inference, _outputs: Outputs) -> Any:
        return Pieces(self.pieces, b"".join, are_long=self.are_long)


def begin_long(
    plane: DataPlane, pieces: Iterator[bytes], timeout: float | None = None, *, are_long: bool = False
) -> Exchange[Any]:
    exchange: Exchange[Any] = Exchange(plane, "rest", timeout=timeout)
    assert exchange.admit("tiny", "")
    form = Long(Inference(sample(1)))
    form.pieces, form.are_long = pieces, are_long
    exchange.take(form)
    return exchange


@in_loop
async def test_an_answer_in_pieces_is_made_of_all_of_them() -> None:
    async with serving_session(Free()) as (plane, _):
        exchange = begin_long(plane, iter([b"a", b"b"]))
        assert await exchange.outcome() == b"ab"
        assert exchange.context.encode > 0
        assert counted(plane, "ok") == 1


@in_loop
async def test_an_answer_that_is_too_large_is_refused_before_it_is_whole() -> None:
    most = LEAST_ANSWER
    async with serving_session(Free(), max_answer_bytes=most, max_request_batch=most) as (plane, _):
        with pytest.raises(AnswerTooLarge, match=r"tensors have 262,160 bytes, and 262,144 are allowed; ask for fewer"):
            await begin(plane, Inference(sample(1, count=most // 16 + 1))).outcome()
        assert len((await begin(plane, Inference(sample(1, count=most // 16))).outcome())["y"]) == most // 16
        with pytest.raises(AnswerTooLarge, match=r"the answer's JSON has more than 262,144 bytes"):
            await begin_long(plane, itertools.repeat(b"a" * 100)).outcome()
        assert len(await begin_long(plane, iter([bytes(most // 2)] * 2)).outcome()) == most


@in_loop
async def test_pieces_that_are_long_are_made_in_a_thread_as_long_as_somebody_waits() -> None:
    made_in: list[str] = []
    gone, more = threading.Event(), threading.Event()

    def pieces() -> Iterator[bytes]:
        for piece in (b"a", b"b"):
            made_in.append(threading.current_thread().name)
            yield piece

    def endless() -> Iterator[bytes]:
        while not gone.is_set():
            yield b"a"
        yield b"b"
        more.set()

    async with serving_session(Free(), max_answer_bytes=LEAST_ANSWER) as (plane, _):
        assert await begin_long(plane, pieces(), are_long=True).outcome() == b"ab"
        assert made_in == ["decode"] * 2
        with pytest.raises(AnswerTooLarge, match=r"the answer's JSON has more than 262,144 bytes"):
            await begin_long(plane, itertools.repeat(b"a" * 100), are_long=True).outcome()
        exchange = begin_long(plane, endless(), are_long=True)
        exchange.cancel(ClientGone())
        gone.set()
        assert len(await begin_long(plane, iter([b"c"]), are_long=True).outcome()) == 1
        assert not more.is_set()


@in_loop
async def test_very_many_best_classes_are_named_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    named_in: list[str] = []

    def watched(*given: Any) -> np.ndarray:
        named_in.append(threading.current_thread().name)
        return classified(*given)

    monkeypatch.setattr(classification, "classified", watched)
    async with serving_session(Free()) as (plane, _):
        for count in (FEW_CLASSES // 2, FEW_CLASSES // 2 + 1):
            asked = Inference(sample(1, count=count), outputs=[Wanted("y", classes=2)])
            answered = await begin(plane, asked).outcome()
            assert answered["y"].tolist() == [[b"2.000000:0:no", b"2.000000:1:yes"]] * count
        assert named_in == ["MainThread", "decode"]


@in_loop
async def test_an_answer_in_pieces_ends_with_its_time_or_with_its_client() -> None:
    async with serving_session(Free()) as (plane, model):
        with pytest.raises(DeadlinePassed):
            await begin_long(plane, itertools.repeat(b"a"), timeout=0.05).outcome()
        endless = begin_long(plane, itertools.repeat(b"a"))
        await until(lambda: bool(plane.turns.works))
        endless.cancel(ClientGone())
        with pytest.raises(ClientGone):
            await endless.outcome()
        await until(lambda: not plane.turns.works)
        assert model.admission.inside == 0
