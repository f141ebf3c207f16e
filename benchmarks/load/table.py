"""Measurements for a terminal."""

from collections.abc import Sequence

from torchferry.benchmarks.load.http_wire import OK
from torchferry.benchmarks.load.measurement import Measurement


def table(results: Sequence[Measurement]) -> str:
    """A line for each."""
    lines = [
        f"{'model':20} {'protocol':16} {'load':>14} {'answered/s':>10} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8} "
        f"{'p99.9 ms':>9} {'requests':>9}"
    ]
    for result in results:
        p = result.percentiles_ms
        load = f"{result.offered_rate:,.6g}/s" if result.offered_rate else f"closed, {result.connections}"
        lines.append(
            f"{result.model:20} {result.protocol:16} {load:>14} {result.achieved_rate:10,.1f} {p['p50']:8.2f} "
            f"{p['p90']:8.2f} {p['p99']:8.2f} {p['p99.9']:9.2f} {result.requests:9,}" + _remark(result)
        )
    return "\n".join(lines)


def _remark(result: Measurement) -> str:
    remarks = ["PARTIAL"] if result.interrupted else []
    remarks += [f"VOID: {result.void}"] if result.void else []
    remarks += ["saturated"] if result.saturated and not result.void else []
    failed = ", ".join(f"{count:,} x {name}" for name, count in result.outcomes.items() if name != OK)
    remarks += [failed] if failed else []
    return f"  {'; '.join(remarks)}" if remarks else ""
