"""Small bodies that become large."""

import asyncio
import gzip
import io
import json
from collections import Counter

from PIL import Image

from tests.serving.wire import in_loop
from torchferry.benchmarks.hostile import bombs
from torchferry.benchmarks.hostile.started import Started
from torchferry.benchmarks.hostile.valid import Valid


def test_they_are_small_and_become_large(valid: Valid) -> None:
    made = bombs.bombs(valid)
    assert len(made["zeros"].body) < 100_000
    assert len(gzip.decompress(made["zeros"].body)) == 64 * 2**20
    with Image.open(io.BytesIO(made["picture"].body)) as image:
        assert image.width * image.height > 49_000_000
    assert len(made["picture"].body) < 10_000
    assert len(json.loads(made["1024 pictures"].body)["instances"]) == 1024
    assert len(made["1024 pictures"].body) < 16 * 2**20


@in_loop
async def test_their_answers_are_counted_by_kind(attacked: Started) -> None:
    counted: Counter[str] = Counter()
    request = bombs.bombs(attacked.where.valid)["zeros"]
    task = asyncio.create_task(bombs._throw(attacked.where, "zeros", request, counted))
    async with asyncio.timeout(60):
        while not counted:
            await asyncio.sleep(0.02)
    task.cancel()
    assert set(counted) == {"zeros 413"}
