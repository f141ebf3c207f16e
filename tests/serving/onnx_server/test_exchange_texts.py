"""A request of texts or sounds: short texts take no thread, and what sounds become is counted."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.serving.encoded_bundles import RATE, SOUND, written_text
from tests.serving.onnx_server.exchanges import Free, begin
from tests.serving.onnx_server.in_process import held_bundle, serving_bundles, serving_session
from tests.serving.wire import in_loop
from tests.torchferry.contract.sounds import saved, tone
from torchferry.serving.codec.decoding import QUICK
from torchferry.serving.errors import NotDecodable, Overloaded
from torchferry.serving.onnx_server.inference import Inference
from torchferry.serving.onnx_server.intake import Intake


@in_loop
async def test_short_texts_are_tokenized_at_once_and_long_ones_in_a_thread(tmp_path: Path) -> None:
    async with serving_bundles(written_text(tmp_path, "tiny")) as plane:
        exchange = begin(plane, Inference({}, files={"ids": [b"free money", b"noon"]}))
        assert (await exchange.outcome())["probabilities"].argmax(1).tolist() == [1, 0]
        assert (exchange.context.decode > 0, plane.threads.is_started) == (True, False)
        with pytest.raises(NotDecodable, match="'ids' of sample 1: the text is empty"):
            await begin(plane, Inference({}, files={"ids": [b"free", b""]})).outcome()
        long = b"free" + b" " * QUICK
        alone = await begin(plane, Inference({}, files={"ids": [long]})).outcome()
        assert (alone["probabilities"].argmax(1).tolist(), plane.threads.is_started) == ([1], True)


@in_loop
async def test_what_several_sounds_become_is_counted_once_their_headers_are_read() -> None:
    """Each might be a hundred thousand samples by the bundle, and two are by their headers."""
    spec = replace(SOUND, name="x", axes=(replace(SOUND.axes[0], most=100_000),))
    long, short = (saved(tone(seconds, RATE), RATE) for seconds in (6, 0.1))
    async with serving_session(Free(), held_bundle(inputs=(spec,))) as (plane, _):
        plane.intake = Intake(most_bytes=4_000_000)
        answered = await begin(plane, Inference({}, files={"x": [short] * 20}), client="ann").outcome()
        assert answered["y"].shape == (20, 800)
        held = begin(plane, Inference({}, files={"x": [long] * 19}), client="ann")
        await held.outcome()
        assert plane.intake.bytes.taken == 0
        plane.intake.hold("bob", 3_990_000)
        plane.intake.bytes.most = 3_990_000
        with pytest.raises(Overloaded, match="too many bytes of requests are here"):
            await begin(plane, Inference({}, files={"x": [long, short]}), client="ann").outcome()
