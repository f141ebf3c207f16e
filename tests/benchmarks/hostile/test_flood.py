"""One client that asks as fast as it gets answers."""

from tests.benchmarks.hostile.running import run_until
from tests.serving.wire import in_loop
from torchferry.benchmarks.hostile import flood
from torchferry.benchmarks.hostile.started import Started


@in_loop
async def test_a_flood_is_answered(attacked: Started) -> None:
    counted = await run_until(flood.attack, attacked.where, lambda counted: counted["200"] > 2 * flood.CONNECTIONS)
    assert set(counted) <= {"200", "429"}
