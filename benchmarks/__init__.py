"""What it costs, on whatever machine this is: `python -m benchmarks latency URL ...`."""
