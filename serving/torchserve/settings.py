"""Everything that TorchServe can be told, in one object; the command line and TorchServe's files are made from it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from torchferry.serving.cli.options import WrongOption, option
from torchferry.serving.cli.server_settings import HEADROOM, ServerSettings
from torchferry.serving.net.addresses import authority
from torchferry.serving.net.ports import claim, claim_or_any

LOOPBACK = "127.0.0.1"
LISTENS_AT = "torchferry-listens-at"
LEAST_ANSWER = 4096
"""An error must fit."""
MOST_BYTES = 2**31 - 1
"""Java's integers end there."""


@dataclass(frozen=True, kw_only=True)
class Settings(ServerSettings):
    threads: int = option(0, "cores that each worker computes on; 0: its share of the cgroup's quota")
    gateway: str = option(
        "nginx", "what stands before TorchServe; none: no tokens, TLS and access log", choices=("nginx", "none")
    )
    max_answer_bytes: int = option(16 * 2**20, "bytes of an answer; a request for a longer one is answered 422")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("threads", self.threads >= 0, "give 0 or more")
        fits = LEAST_ANSWER <= self.max_answer_bytes <= MOST_BYTES - HEADROOM
        self.check("max_answer_bytes", fits, f"give {LEAST_ANSWER} to {MOST_BYTES - HEADROOM}")
        for name in ("tokens", "tls_certificate", "access_log", "trusted_proxy"):
            if getattr(self, name) and self.gateway == "none":
                raise WrongOption(name, "is for the gateway; leave --gateway none out")

    @property
    def inner_host(self) -> str:
        """Where TorchServe itself listens: its addresses have no colons, so that one of IPv6 is given a name."""
        if self.gateway != "none":
            return LOOPBACK
        return LISTENS_AT if ":" in self.host else self.host

    @property
    def hosts_file(self) -> str:
        """For Java, which then knows no other names: that of the address it listens at, if that has one."""
        return f"{self.host} {LISTENS_AT}\n" if self.inner_host == LISTENS_AT else ""


@dataclass(frozen=True)
class Ports:
    rest: int
    """Where clients ask."""
    grpc: int
    inner_grpc: int
    """Where TorchServe itself listens; the same without a gateway."""
    page: int
    """What Prometheus reads, from TorchServe and from us."""
    management: int
    """Ours before TorchServe's own, on loopback like the next."""
    grpc_management: int

    @classmethod
    def claim(cls, settings: Settings) -> Self:
        """Those asked for, free ones for 0. Raises UserError naming the option whose port is taken."""
        given: list[int] = []
        for option_name in ("port", "grpc_port", "metrics_port"):
            name = f"--{option_name.replace('_', '-')}"
            given.append(claim(settings.host, getattr(settings, option_name), name, given))
        rest, grpc, page = given
        management = claim_or_any(LOOPBACK, 8081, given)
        return cls(rest, grpc, grpc, page, management, 0).renewed(settings)

    def renewed(self, settings: Settings) -> Self:
        """Others for TorchServe itself, which are any: where clients ask stays, unless it is TorchServe that listens
        there. Raises UserError."""
        taken = [self.rest, self.grpc, self.page, self.management]

        def another(port: int = 0) -> int:
            taken.append(claim_or_any(LOOPBACK, port, taken))
            return taken[-1]

        renewed = replace(self, grpc_management=another(7071))
        if settings.gateway != "none":
            return replace(renewed, inner_grpc=another())
        rest = claim(settings.host, settings.port, "--port", taken[2:])
        grpc = claim(settings.host, settings.grpc_port, "--grpc-port", [*taken[2:], rest])
        return replace(renewed, rest=rest, grpc=grpc, inner_grpc=grpc)


@dataclass(frozen=True)
class Sockets:
    """In a folder that no other user of this machine may enter: TorchServe, which has all but the last, lets everybody
    in."""

    folder: Path

    @property
    def management(self) -> Path:
        return self.folder / "management"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics"

    @property
    def inference(self) -> Path:
        """REST, behind a gateway."""
        return self.folder / "inference"

    @property
    def page(self) -> Path:
        """Ours, on which a gateway asks whether the server is ready."""
        return self.folder / "page"


def config_properties(settings: Settings, ports: Ports, model_store: Path, sockets: Sockets) -> str:
    """config.properties, as java.util.Properties reads it; every archive in `model_store` is loaded."""
    alone = settings.gateway == "none"
    values = {
        "inference_address": f"http://{authority(settings.inner_host, ports.rest)}"
        if alone
        else f"unix:{sockets.inference}",
        "management_address": f"unix:{sockets.management}",
        "metrics_address": f"unix:{sockets.metrics}",
        "grpc_inference_address": settings.inner_host,
        "grpc_inference_port": ports.inner_grpc,
        "grpc_management_address": LOOPBACK,
        "grpc_management_port": ports.grpc_management,
        "model_store": model_store,
        "load_models": "all",
        # A gateway lets in fewer, over REST and as many over gRPC, so that this one is never full.
        "job_queue_size": settings.max_queue * (1 if alone else 4),
        # The gateway refuses in words what is too large; TorchServe hangs up on a message as soon as it says its size.
        "max_request_size": settings.max_body_bytes if alone else MOST_BYTES,
        # What is longer kills the worker, so that workers keep below it.
        "max_response_size": settings.max_answer_bytes + HEADROOM,
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
        "enable_model_api": "true",  # for `torchferry models`
        "allowed_urls": f"file://{model_store}/.*",
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())
