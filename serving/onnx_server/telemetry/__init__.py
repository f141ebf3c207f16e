"""Metrics, traces and the access log of requests."""
