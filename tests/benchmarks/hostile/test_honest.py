"""The figures of honest requests."""

from tests.benchmarks.report.written import measurement
from torchferry.benchmarks.hostile.honest import HEAD, found, row


def test_a_row_has_medians_and_the_worst() -> None:
    one = found(measurement(50)) | {"p50 ms": 1, "p99 ms": 2, "p100 ms": 3, "failed": 0, "generator late ms": 0.5}
    other = one | {"p50 ms": 3, "p99 ms": 4, "p100 ms": 9, "failed": 2, "generator late ms": 0.25}
    line = row("alone", [one, other])
    assert line.split()[:5] == ["alone", "2.00", "3.00", "9.00", "2"]
    assert line.split()[6] == "0.50"
    assert len(line) == len(HEAD)
