"""Everything that TorchServe can be told, in one object; the command line and TorchServe's files are made from it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from torchferry.serving.cli.options import WrongOption, option
from torchferry.serving.cli.server_settings import ServerSettings
from torchferry.serving.net.ports import claim, claim_or_any

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Settings(ServerSettings):
    threads: int = option(0, "cores that each worker computes on; 0: its share of the cgroup's quota")
    gateway: str = option(
        "nginx", "what stands before TorchServe; none: no tokens, TLS and access log", choices=("nginx", "none")
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("threads", self.threads >= 0, "give 0 or more")
        for name in ("tokens", "tls_certificate", "access_log"):
            if getattr(self, name) and self.gateway == "none":
                raise WrongOption(name, "is for the gateway; leave --gateway none out")

    @property
    def inner_host(self) -> str:
        """Where TorchServe itself listens."""
        return self.host if self.gateway == "none" else LOOPBACK


@dataclass(frozen=True)
class Ports:
    rest: int
    """Where clients ask."""
    grpc: int
    inner_rest: int
    """Where TorchServe itself listens; the same without a gateway."""
    inner_grpc: int
    metrics: int
    page: int
    """What Prometheus reads, from TorchServe and from us."""
    management: int
    """On loopback, like the next: nobody but the launcher and `torchferry models` need them."""
    grpc_management: int

    @classmethod
    def claim(cls, settings: Settings) -> Self:
        """Those asked for, free ones for 0. Raises UserError naming the option whose port is taken."""
        given: list[int] = []
        for option_name, port in (("port", settings.port), ("grpc-port", settings.grpc_port)):
            given.append(claim(settings.host, port, f"--{option_name}", given))
        page = claim(settings.host, settings.metrics_port, "--metrics-port", given)
        inner = list(given)
        taken = [*given, page]
        if settings.gateway != "none":
            inner = [claim_or_any(LOOPBACK, 0, taken), claim_or_any(LOOPBACK, 0, taken)]
            taken += inner
        rest = [claim_or_any(LOOPBACK, 0, taken), page]
        for port in (8081, 7071):
            rest.append(claim_or_any(LOOPBACK, port, [*taken, *rest]))
        return cls(*given, *inner, *rest)


def config_properties(settings: Settings, ports: Ports, model_store: Path) -> str:
    """config.properties, as java.util.Properties reads it; every archive in `model_store` is loaded."""
    values = {
        "inference_address": f"http://{settings.inner_host}:{ports.inner_rest}",
        "management_address": f"http://{LOOPBACK}:{ports.management}",
        "metrics_address": f"http://{LOOPBACK}:{ports.metrics}",
        "grpc_inference_address": settings.inner_host,
        "grpc_inference_port": ports.inner_grpc,
        "grpc_management_address": LOOPBACK,
        "grpc_management_port": ports.grpc_management,
        "model_store": model_store,
        "load_models": "all",
        # A gateway lets in fewer, over REST and as many over gRPC, so that this one is never full.
        "job_queue_size": settings.max_queue * (1 if settings.gateway == "none" else 4),
        "max_request_size": settings.max_body_bytes,
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
        "enable_model_api": "true",  # on loopback alone, for `torchferry models`
        "allowed_urls": f"file://{model_store}/.*",
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())
