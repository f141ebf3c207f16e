"""Peers that do not finish what they begin."""

from tests.benchmarks.hostile.running import run_until
from tests.serving.wire import in_loop
from torchferry.benchmarks.hostile import slow
from torchferry.benchmarks.hostile.started import Started

ALL = slow.HEADS + slow.BODIES + slow.UNFINISHED + slow.DEAF


@in_loop
async def test_all_of_them_hold_a_connection(attacked: Started) -> None:
    before = attacked.process.open_files()
    held = []

    def enough(counted: dict[str, int]) -> bool:
        held.append(attacked.process.open_files())
        return counted["opened"] >= ALL and held[-1] > before + ALL / 2

    counted = await run_until(slow.attack, attacked.where, enough)
    assert counted["opened"] >= ALL
