"""A version is loaded once it has given its golden outputs, and closes once its requests are answered."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.serving.encoded_bundles import written_text
from tests.serving.onnx_server.in_process import model_of_bundle
from tests.serving.onnx_server.models.held import Request, submit, until
from tests.serving.tiny_bundle import GOLDEN, VARIANT, variant, written
from tests.serving.wire import in_loop
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.choice import Choice
from torchferry.serving.errors import BundleError
from torchferry.serving.onnx_server.models.model import (
    CALLS,
    HAND_OVER_SECONDS,
    STALL_SECONDS,
    Model,
    chosen,
    load,
    why_served,
)
from torchferry.serving.onnx_server.models.plan import Plan
from torchferry.serving.onnx_server.settings import Settings


def test_what_is_loaded_follows_the_settings(tmp_path: Path) -> None:
    loaded = load(written(tmp_path), VARIANT, Settings(sessions=2, threads=1, max_batch=5))
    assert (loaded.variant, loaded.plan, len(loaded.sessions)) == (VARIANT, Plan(2, 1, 5), 2)
    assert loaded.seconds > 0
    assert loaded.memory_bytes >= 0


def test_a_session_whose_answers_are_not_the_golden_ones_is_refused(tmp_path: Path) -> None:
    bundle = written(tmp_path)
    np.savez(bundle.root / "golden" / "outputs.npz", probabilities=GOLDEN + 0.5)
    words = r"tiny onnx-fp32: its answer to the golden input differs by 0\.5 in 'probabilities'"
    with pytest.raises(BundleError, match=words):
        load(replace(bundle, files=bundles.checksums(bundle.root)), VARIANT, Settings())


def clock_of(single: float, batch: float) -> Callable[[], float]:
    """time.perf_counter() as it would be if calls with one sample, and with a batch of them, took so long."""
    steps = [step for seconds in (single, batch) for _ in range(CALLS) for step in (0.0, seconds)]
    times = itertools.accumulate(itertools.chain([0.0], itertools.cycle(steps)))
    return lambda: next(times)


@pytest.mark.parametrize(
    ("sessions", "single", "batch", "inline"),
    [
        (1, HAND_OVER_SECONDS / 2, STALL_SECONDS / 2, True),
        (1, HAND_OVER_SECONDS * 2, STALL_SECONDS / 2, False),
        (1, HAND_OVER_SECONDS / 2, STALL_SECONDS * 2, False),
        (2, HAND_OVER_SECONDS / 2, STALL_SECONDS / 2, False),
    ],
)
def test_only_a_tiny_model_is_computed_in_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sessions: int, single: float, batch: float, inline: bool
) -> None:
    monkeypatch.setattr(time, "perf_counter", clock_of(single, batch))
    assert load(written(tmp_path), VARIANT, Settings(threads=1, sessions=sessions)).inline is inline


VARIANTS = {
    "onnx-int8": variant(batch_1_ms=1),
    "onnx-fp16": variant(batch_1_ms=0.5, status="refused"),
    "onnx-fp32": variant(batch_1_ms=3),
    "torch": variant(batch_1_ms=0.2),
}


@pytest.mark.parametrize(
    ("choice", "served", "why"),
    [
        (Choice(variant="onnx-fp32", reason="it is exact"), "onnx-fp32", "it is exact"),
        (Choice(variant="onnx-int8", reason="it pays"), "onnx-int8", "it pays"),
        (Choice(variant="torch", reason="asked for"), "onnx-fp32", "torch, which the bundle chose, is no accepted"),
        (Choice(variant="onnx-fp16", reason="it pays"), "onnx-fp32", "onnx-fp16, which the bundle chose, is no accept"),
        (None, "onnx-int8", "the shortest call in a bundle that says no choice"),
    ],
)
def test_what_the_bundle_chose_is_served_and_in_one_of_before_the_shortest_call(
    tmp_path: Path, choice: Choice | None, served: str, why: str
) -> None:
    bundle = replace(written(tmp_path), variants=VARIANTS, choice=choice)
    assert chosen(bundle).variant == served
    assert chosen(bundle).reason.startswith(why)
    assert why_served(bundle, served).startswith(why)


def test_a_variant_that_was_named_is_said_to_be(tmp_path: Path) -> None:
    bundle = replace(written(tmp_path), variants=VARIANTS, choice=Choice(variant="onnx-fp32", reason="it is exact"))
    assert why_served(bundle, "onnx-int8") == "it was named; the bundle's own is onnx-fp32"


def test_what_a_bundle_limits_is_never_computed_in_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request with a thousand samples would hold it up for a thousand calls."""
    monkeypatch.setattr(time, "perf_counter", clock_of(HAND_OVER_SECONDS / 2, STALL_SECONDS / 2))
    loaded = load(replace(written(tmp_path), max_batch=1), VARIANT, Settings(threads=1, max_batch=8))
    assert (loaded.inline, loaded.plan.max_batch) == (False, 1)
    assert loaded.sessions[0].provider == "CPUExecutionProvider"


def test_a_bundle_that_has_none_says_how_to_make_one(tmp_path: Path) -> None:
    bundle = replace(written(tmp_path), variants={"torch": variant()})
    with pytest.raises(
        UserError, match=r"has no accepted variant for this server; export one with --variants onnx-fp32"
    ):
        chosen(bundle)


@in_loop
async def test_as_many_may_be_inside_as_wait_and_run(tmp_path: Path) -> None:
    settings = Settings(sessions=2, threads=1, max_batch=8, max_queue=10)
    model = model_of_bundle(written(tmp_path), settings)
    assert model.admission.limit == 10 + 2 * 8


@in_loop
async def test_max_delay_is_in_milliseconds(tmp_path: Path) -> None:
    assert model_of_bundle(written(tmp_path), Settings(max_delay_ms=5)).scheduler.max_delay == 0.005


@in_loop
@pytest.mark.parametrize("inline", [True, False])
async def test_it_closes_once_its_requests_are_answered(tmp_path: Path, inline: bool) -> None:
    settings = Settings(threads=1)
    model = Model("tiny", replace(load(written(tmp_path), VARIANT, settings), inline=inline), settings)
    request = Request(model.admission)
    model.admission.enter(request)
    closing = asyncio.create_task(model.close())
    await until(lambda: model.admission.closed)
    work = submit(model.scheduler, {"row": GOLDEN})
    np.testing.assert_array_equal((await work.answer)["probabilities"], GOLDEN)
    assert not closing.done()
    model.admission.leave(request)
    await closing
    assert not model.scheduler.runners


def test_a_damaged_tokenizer_is_found_when_the_model_is_loaded(tmp_path: Path) -> None:
    bundle = written_text(tmp_path)
    (bundle.root / "tokenizer.json").write_text("{}")
    with pytest.raises(BundleError, match=r"tokenizer\.json: is damaged"):
        load(bundle, VARIANT, Settings(threads=1))
