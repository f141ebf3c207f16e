"""The benchmarks of servers and trainers, on whatever machine this is: `python -m benchmarks latency URL ...`."""
