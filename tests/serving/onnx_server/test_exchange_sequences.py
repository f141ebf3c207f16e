"""Requests of sequences on their way: in order, beside those of others, and without harm from one that fails."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serving.onnx_server.exchanges import Asking
from tests.serving.onnx_server.in_process import serving_bundles, serving_session
from tests.serving.onnx_server.models.held import BROKEN, Held, until
from tests.serving.stateful import INPUTS, OUTPUTS, STATE, written_adding
from tests.serving.tiny_bundle import described
from tests.serving.wire import in_loop
from torchferry.serving.errors import ClientGone, DeadlinePassed, InferenceFailed, Overloaded, UnknownSequence
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.exchange import Exchange
from torchferry.serving.onnx_server.inference import Inference, Outputs, Wanted
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.models.repository import Source
from torchferry.serving.onnx_server.models.versions import STABLE, Channel
from torchferry.serving.onnx_server.sequence_parameters import InSequence


class HeldAdding(Held):
    """Adds up, each batch once it may."""

    def run(self, inputs: Mapping[str, np.ndarray], cancellation: object = None) -> dict[str, np.ndarray]:
        super().run(inputs, cancellation)
        total = inputs["total"] + inputs["x"]
        return {"y": 2 * total, "next_total": total}


@asynccontextmanager
async def adding(session: Held, **settings: Any) -> AsyncIterator[tuple[DataPlane, Model]]:
    bundle = described(name="adding", task="tensors", labels=(), inputs=INPUTS, outputs=OUTPUTS, state=STATE)
    async with serving_session(session, bundle, **{"sequences": 10} | settings) as (plane, model):
        model.sequences.start = {"total": np.zeros((1, 2), np.float32)}
        yield plane, model
        model.sequences.close()


def begin(
    plane: DataPlane, word: int | str, value: float = 1.0, *, version: str = "", outputs: tuple[str, ...] = (),
    timeout: float | None = None, client: str = "", **flags: bool,
) -> Exchange[Outputs]:  # fmt: skip
    exchange: Exchange[Outputs] = Exchange(plane, "rest", timeout=timeout, client=client)
    assert exchange.admit("adding", version)
    asked = Inference({"x": np.full((1, 2), value, np.float32)}, outputs=[Wanted(name) for name in outputs])
    asked.sequence = InSequence(word, **flags)
    exchange.take(Asking(asked))
    return exchange


async def first(exchange: Exchange[Outputs], name: str = "y") -> float:
    async with asyncio.timeout(60):
        return float((await exchange.outcome())[name][0, 0])


@in_loop
async def test_a_sequences_requests_are_computed_in_order_and_those_of_others_beside_them() -> None:
    session = HeldAdding()
    async with adding(session) as (plane, _):
        one = [begin(plane, 1, value, start=value == 1) for value in (1, 2, 3)]
        other = [begin(plane, "other", value, start=value == 10) for value in (10, 20)]
        session.may_run.release(3)
        assert [await first(each) for each in one] == [2, 6, 12]
        assert [await first(each) for each in other] == [20, 60]
        assert session.seen == [[1, 10], [2, 20], [3]]
        assert one[1].context.in_line > 0
        assert one[1].context.stages()[1] >= one[1].context.in_line


@in_loop
async def test_the_state_is_answered_only_if_it_is_asked_for() -> None:
    session = HeldAdding()
    session.may_run.release(100)
    async with adding(session) as (plane, _):
        assert list(await begin(plane, 1, start=True).outcome()) == ["y"]
        assert list(await begin(plane, 1, outputs=("next_total",)).outcome()) == ["next_total"]
        exchange: Exchange[Outputs] = Exchange(plane, "rest")
        assert exchange.admit("adding", "")
        exchange.take(Asking(Inference({spec.name: np.ones((3, 2), np.float32) for spec in INPUTS})))
        assert list(await exchange.outcome()) == ["y", "next_total"]


@in_loop
async def test_one_that_fails_or_that_nobody_waits_for_leaves_the_state_of_before() -> None:
    session = HeldAdding()
    async with adding(session) as (plane, _):
        session.may_run.release(2)
        assert await first(begin(plane, 1, 1, start=True)) == 2
        with pytest.raises(InferenceFailed):
            await first(begin(plane, 1, BROKEN))
        gone = begin(plane, 1, 5)
        waiting = begin(plane, 1, 7)
        await until(lambda: gone.context.work is not None and bool(gone.context.work.started))
        gone.cancel(ClientGone())
        session.may_run.release(2)
        assert await first(waiting) == 16
        with pytest.raises(UnknownSequence):
            await first(begin(plane, 2))


@in_loop
async def test_what_could_not_be_written_is_not_kept() -> None:
    session = HeldAdding()
    session.may_run.release(100)
    async with adding(session) as (plane, model):
        assert await first(begin(plane, 1, 1, start=True)) == 2
        exchange: Exchange[Outputs] = Exchange(plane, "rest")
        exchange.admit("adding", "")
        asked = Inference({"x": np.ones((1, 2), np.float32)}, sequence=InSequence(1))

        class Unwritable(Asking):
            def write(self, _model: Model, _asked: Inference, _outputs: Outputs) -> Outputs:
                raise ZeroDivisionError

        exchange.take(Unwritable(asked))
        with pytest.raises(ZeroDivisionError):
            await exchange.outcome()
        assert await first(begin(plane, 1, 1)) == 4
        assert model.admission.inside == 0


@in_loop
async def test_a_request_whose_time_is_up_in_line_lets_the_next_one_go_on() -> None:
    session = HeldAdding()
    async with adding(session) as (plane, model):
        one = begin(plane, 1, 1, start=True)
        late, then = begin(plane, 1, 2, timeout=0.02), begin(plane, 1, 3)
        with pytest.raises(DeadlinePassed):
            await first(late)
        session.may_run.release(2)
        assert [await first(one), await first(then)] == [2, 8]
        assert model.admission.inside == 0


@in_loop
async def test_clients_with_tokens_have_sequences_of_their_own(tmp_path: Path) -> None:
    session = HeldAdding()
    session.may_run.release(100)
    for tokens, owns in ((None, False), (tmp_path / "tokens", True)):
        async with adding(session, tokens=tokens) as (plane, _):
            assert await first(begin(plane, 1, 1, client="a", start=True)) == 2
            assert await first(begin(plane, 1, 1, client="a")) == 4
            if owns:
                with pytest.raises(UnknownSequence):
                    await first(begin(plane, 1, 1, client="b"))
            else:
                assert await first(begin(plane, 1, 1, client="b")) == 6


@in_loop
async def test_one_too_many_is_refused_and_leaves_nothing_behind() -> None:
    session = HeldAdding()
    session.may_run.release(100)
    async with adding(session, sequences=1) as (plane, model):
        assert await first(begin(plane, 1, 1, start=True)) == 2
        with pytest.raises(Overloaded, match="adding keeps 1 sequences"):
            await first(begin(plane, 2, 1, start=True))
        assert (model.admission.inside, plane.inside, model.sequences.count) == (0, 0, 1)


@in_loop
async def test_answers_that_are_kept_for_others_are_none_of_a_sequences() -> None:
    session = HeldAdding()
    session.may_run.release(100)
    async with adding(session, cache_bytes=10_000) as (plane, model):
        assert [await first(begin(plane, 1, 1, start=True)) for _ in range(2)] == [2, 2]
        assert model.cache.entries == {}


@in_loop
async def test_a_sequence_stays_with_its_version_while_that_is_served(tmp_path: Path) -> None:
    """Requests that name no version go to version 2 from some moment on."""
    bundles = [written_adding(tmp_path, version=version, start=start) for version, start in (("1.0", 0), ("2.0", 100))]
    async with serving_bundles(*bundles[:1], sequences=10) as plane:
        assert await first(begin(plane, 1, 1, start=True)) == 2
        await plane.repository.load(Source("adding", bundles[1], "onnx-fp32"))
        assert await first(begin(plane, 1, 1)) == 4
        assert await first(begin(plane, 2, 1, start=True)) == 202
        with pytest.raises(UnknownSequence, match=r"adding 2\.0 keeps no sequence 1"):
            await first(begin(plane, 1, 1, version="2.0"))
        assert await first(begin(plane, 1, 1, version="1.0")) == 6
        assert await first(begin(plane, 1, 1, start=True)) == 202
        with pytest.raises(
            UnknownSequence, match=r"adding 1\.0 keeps no sequence 1: it was begun anew in another version"
        ):
            await first(begin(plane, 1, 1, version="1.0"))
        plane.repository.versions("adding").direct({STABLE: Channel("1.0")})
        assert await first(begin(plane, 1, 1)) == 204
        models = list(plane.repository)
        assert [model.admission.inside for model in models] == [0, 0]
        await plane.repository.unload("adding", "2.0")
        with pytest.raises(
            UnknownSequence, match=r"its version 2\.0 was unloaded; its first request has sequence_start"
        ):
            await first(begin(plane, 1, 1))


@in_loop
async def test_a_sequence_ends_when_its_version_is_loaded_anew(tmp_path: Path) -> None:
    bundle = written_adding(tmp_path)
    async with serving_bundles(bundle, sequences=10) as plane:
        assert await first(begin(plane, 1, 1, start=True)) == 2
        await plane.repository.load(Source("adding", dataclasses.replace(bundle), "onnx-fp32"))
        with pytest.raises(UnknownSequence, match=r"adding 1\.0 was loaded anew"):
            await first(begin(plane, 1, 1))
        ended = plane.metrics.registry.get_sample_value(
            "torchferry_serve_sequences_ended_total", {"model": "adding", "version": "1.0", "reason": "unloaded"}
        )
        assert ended == 1
