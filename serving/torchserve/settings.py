"""Everything TorchServe is told at its start, in one object, and the file it reads it from."""

from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self

from serving.ports import claim, claim_or_any, is_free

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    rest: int
    grpc: int
    metrics: int
    management: int
    """On loopback, like the next: nobody but the launcher needs them."""
    grpc_management: int

    @classmethod
    def claim(cls, host: str, rest: int, grpc: int, metrics: int) -> Self:
        """Those asked for, free ones for 0. Raises UserError naming the option whose port is taken."""
        given: list[int] = []
        for port, option in ((rest, "--port"), (grpc, "--grpc-port"), (metrics, "--metrics-port")):
            given.append(claim(host, port, option, given))
        for port in (8081, 7071):
            given.append(claim_or_any(LOOPBACK, port, given))
        return cls(*given)

    def taken(self, host: str) -> bool:
        """Whether somebody listens on one of them now."""
        return not all(is_free(host, port) for port in astuple(self))


@dataclass(frozen=True, kw_only=True)
class Settings:
    host: str
    """Where REST, gRPC and metrics listen; management stays on loopback whatever this is."""
    ports: Ports
    model_store: Path
    """Every archive in it is loaded."""
    threads: int
    """Cores each worker computes on."""

    def properties(self) -> str:
        """config.properties, as java.util.Properties reads it."""
        values = {
            "inference_address": f"http://{self.host}:{self.ports.rest}",
            "management_address": f"http://{LOOPBACK}:{self.ports.management}",
            "metrics_address": f"http://{self.host}:{self.ports.metrics}",
            "grpc_inference_address": self.host,
            "grpc_inference_port": self.ports.grpc,
            "grpc_management_address": LOOPBACK,
            "grpc_management_port": self.ports.grpc_management,
            "model_store": self.model_store,
            "load_models": "all",
            "metrics_mode": "prometheus",
            "disable_system_metrics": "true",
            # Bodies reach the handler as bytes; it knows better than a content type what they are.
            "decode_input_request": "false",
            "ts_open_inference_protocol": "true",
            "enable_envvars_config": "false",
            "install_py_dep_per_model": "false",
            # Its tokens are random, no two replicas share them, and /ping would need one too.
            "disable_token_authorization": "true",
            # Archives come from the store alone, never from a URL.
            "allowed_urls": f"file://{self.model_store}/.*",
        }
        return "".join(f"{key}={value}\n" for key, value in values.items())
