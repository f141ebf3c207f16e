"""The table of the cost of saving checkpoints."""

from tests.benchmarks.training.given import workload
from torchferry.benchmarks.interval import Interval
from torchferry.benchmarks.training.saving import Saving, table


def test_the_cost_is_what_is_missing_to_the_throughput_without_saves() -> None:
    ratio = Interval(median=0.9, low=0.75, high=0.95)
    found = Saving(
        saves="synchronous",
        workload=workload(),
        every_steps=50,
        samples_per_second=12345.6,
        to_none=ratio,
        rounds=[12000.0, 12345.6, 13000.0],
    )
    head, line = table([found]).splitlines()
    assert " ".join(head.split()) == "model processes saves every samples/s cost rounds"
    assert " ".join(line.split()) == "digits 2 synchronous 50 12,346 10.0% [5.0%, 25.0%] 3"
