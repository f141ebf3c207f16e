"""The benchmarks of servers and trainers, on whatever machine this is: `torchferry bench latency URL ...`."""

import sys

if __name__ == "benchmarks":
    # In a checkout this folder is found under its own name too. Nothing is loaded twice: that name is the package's.
    import torchferry.benchmarks

    sys.modules[__name__] = torchferry.benchmarks
