"""Metrics of a run: measured on each rank, reported by rank 0."""
