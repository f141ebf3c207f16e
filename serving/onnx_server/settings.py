"""Everything that the ONNX Runtime server can be told, in one object; the command line is made from it."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from torchferry.serving.cli.options import WrongOption, option
from torchferry.serving.cli.server_settings import ServerSettings

NAME = re.compile(r"[\w.-]+|[0-9a-fA-F:.]+")
"""A host's, or an address."""
LEAST_ANSWER, MOST_ANSWER = 2**18, 2**31 - 2**16
"""Bytes: shorter answers are not counted, and a message of gRPC can have no more."""


@dataclass(frozen=True, kw_only=True)
class Settings(ServerSettings):
    unix_socket: Path | None = option(None, "REST besides at the unix socket of this path", type=Path)
    grpc_unix_socket: Path | None = option(None, "gRPC besides at the unix socket of this path", type=Path)
    admin_port: int = option(8081, "load and unload, on loopback only; another one if it is taken")
    admin_host: tuple[str, ...] = option(
        (), "what else the admin port may be asked as, beside localhost", metavar="NAME"
    )
    bundle_root: tuple[Path, ...] = option(
        (),
        "folder whose bundles the admin port may load; may be repeated; default the bundles given at the start",
        type=Path,
    )
    registry: str = option(
        "", "where `publish` puts bundles, of which the admin port may load URL/NAME@VERSION", metavar="URL"
    )

    variant: str = option("", "of the bundles that name none; default the one that each bundle chose")
    all_variants: bool = option(False, "serve every accepted variant as NAME-VARIANT besides")
    sessions: int = option(0, "ONNX Runtime sessions for each model, each a batch at a time; 0: one")
    threads: int = option(0, "threads of each session; 0: all cores, or 1 for a model of less than 1 ms")
    max_batch: int = option(
        0, "samples computed together; 0: 32 where the bundle says that batches are quicker, else 1"
    )
    max_batch_elements: int = option(
        0,
        "elements computed together, padding included, where their number varies, such as tokens of texts; one request "
        "may have more; 0 is no limit",
    )
    tune: bool = option(False, "choose those of sessions, threads and max-batch that are 0 by measuring them at start")
    max_delay_ms: float = option(0.0, "how long a free session waits for a batch to fill")

    load_timeout: float = option(600.0, "seconds for a model to be loaded, checked and warmed up")
    provider: str = option(
        "auto",
        "where to compute; auto: CUDA where onnxruntime-gpu has it; openvino: onnxruntime-ep-openvino, on Intel's CPUs",
        choices=("auto", "cpu", "cuda", "tensorrt", "openvino"),
    )

    grpc_engine: str = option(
        "auto",
        "what speaks gRPC; auto: grpcio; native: pygrpc-native, at half the cost, for trusted clients only, no TLS",
        choices=("auto", "native", "grpcio"),
    )
    body_timeout: float = option(30.0, "seconds for a request's body to arrive; a slow sender must not hold a place")

    max_answer_bytes: int = option(
        256 * 2**20, "bytes of an answer, of its tensors or of its JSON; a request for a longer one is answered 422"
    )
    cache_bytes: int = option(0, "bytes of answers to keep for each model, for requests that come again; 0 keeps none")

    sequences: int = option(
        0,
        "sequences whose state is kept, for each model that carries one; a start beyond is answered 429; 0 keeps none",
    )
    sequence_timeout: float = option(60.0, "seconds that a sequence is kept without a request")

    buckets: str = option("", "upper bounds of the histograms in seconds, with commas")
    cors_origin: str = option("", "a web site whose pages may call this server, or *")

    def __post_init__(self) -> None:
        super().__post_init__()
        native_tls = self.grpc_engine == "native" and self.tls_certificate is not None
        self.check("grpc_engine", not native_tls, "it has no TLS; give grpcio, or no --tls-certificate")
        for name in ("body_timeout", "load_timeout", "sequence_timeout"):
            self.check(name, getattr(self, name) > 0, "give a number above 0")
        counts = "sessions", "threads", "max_batch", "max_batch_elements", "max_delay_ms", "cache_bytes", "sequences"
        for name in counts:
            self.check(name, getattr(self, name) >= 0, "give 0 or more")
        fits = LEAST_ANSWER <= self.max_answer_bytes <= MOST_ANSWER
        self.check("max_answer_bytes", fits, f"give {LEAST_ANSWER} to {MOST_ANSWER}")
        for name in self.admin_host:
            if not NAME.fullmatch(name):
                raise WrongOption("admin_host", f"{name} is not a host's name; give it alone, as models.example")
        for root in self.bundle_root:
            if not root.is_dir():
                raise WrongOption("bundle_root", f"{root} is not a folder; give one that is a bundle or holds some")
        try:
            bounds = [float(text) for text in self.buckets.split(",") if text]
        except ValueError:
            bounds = [math.inf]
        rising = bounds == sorted(set(bounds)) and all(map(math.isfinite, bounds))
        self.check("buckets", rising, "give rising numbers with commas, as 0.001,0.01,0.1")

    @property
    def bucket_bounds(self) -> tuple[float, ...]:
        return tuple(float(text) for text in self.buckets.split(",") if text)
