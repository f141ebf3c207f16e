"""The benchmarks of servers and trainers, on whatever machine this is: `torchferry bench latency URL ...`."""

from pathlib import Path

if __name__ == "benchmarks":
    # A checkout has this folder at its top too; that name only forwards `python -m benchmarks`.
    __path__ = [str(Path(__file__).resolve().parents[1] / "torchferry" / "forwards")]
