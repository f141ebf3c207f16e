"""What a server holds."""

from torchferry.benchmarks.hostile.started import Started
from torchferry.benchmarks.hostile.vitals import Vitals, told


def test_a_server_holds_something_of_each(attacked: Started) -> None:
    found = Vitals.of(attacked.process)
    assert found.memory_mb > 30
    assert found.files > 5
    assert found.threads > 1


def test_before_at_most_and_after_are_told() -> None:
    one, more = Vitals(memory_mb=100, files=20, threads=3), Vitals(memory_mb=1150.4, files=400, threads=3)
    assert told([one, more], one).splitlines() == [
        "memory MB    100 before, 1,150 at most, 100 after",
        "open files   20 before, 400 at most, 20 after",
        "threads      3 before, 3 at most, 3 after",
    ]
