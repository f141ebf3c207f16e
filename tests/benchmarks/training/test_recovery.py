"""The table of recovery times."""

from tests.benchmarks.training.given import workload
from torchferry.benchmarks.training.recovery import Recovery, table


def test_the_table_has_a_line_for_each_workload() -> None:
    found = [
        Recovery(workload=workload(processes=n), ours_seconds=7.26, torchrun_seconds=3.0, steps_repeated=5.5, rounds={})
        for n in (1, 2)
    ]
    head, *lines = table(found).splitlines()
    assert " ".join(head.split()) == "model processes SIGKILL to next step s torchrun alone s steps repeated"
    assert [line.split() for line in lines] == [["digits", str(n), "7.3", "3.0", "6"] for n in (1, 2)]
    assert {len(line) for line in lines} == {len(head)}
