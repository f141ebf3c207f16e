"""What it costs: measured over the wire, on whatever machine this is. `python -m benchmarks latency URL ...`."""
