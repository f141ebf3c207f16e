"""Versions of models, and how their requests become batches."""
