"""Ports, TLS, bearer tokens, and what a server listens with."""
