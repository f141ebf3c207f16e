"""Benchmarks of the trainer: its cost beside other trainers, at several sizes, and when it saves or loses a process."""
