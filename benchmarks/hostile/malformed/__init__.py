"""Requests that are almost right, the same for the same seed."""
