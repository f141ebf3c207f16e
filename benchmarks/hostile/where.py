"""The server that is attacked, and as whom."""

from dataclasses import dataclass

from torchferry.benchmarks.hostile.valid import Valid


@dataclass(frozen=True, kw_only=True)
class Where:
    host: str
    port: int
    """Of REST."""
    grpc_port: int
    valid: Valid
    source: str = "127.0.0.2"
    """The address that an attacker comes from: each of loopback is a client of its own."""
    seed: int = 0
