"""Everything the server can be told, in one object; the command line is made from it."""

import math
from dataclasses import dataclass
from pathlib import Path

from torchferry.errors import UserError
from torchferry.serving.cli.options import OptionSet, option


@dataclass(frozen=True, kw_only=True)
class Settings(OptionSet):
    host: str = option("127.0.0.1", "address to listen on")
    port: int = option(8080, "REST; 0 takes a free one")
    grpc_port: int = option(7070, "gRPC; 0 takes a free one")
    metrics_port: int = option(8082, "Prometheus; 0 takes a free one")
    admin_port: int = option(8081, "load and unload, on loopback only; another one if it is taken")
    ready_file: Path | None = option(None, "written, with the addresses as JSON, when every model answers", type=Path)

    variant: str = option("", "of the bundles that name none; default each one's fastest")
    all_variants: bool = option(False, "serve every accepted variant as NAME-VARIANT besides")
    sessions: int = option(0, "ONNX Runtime sessions for each model, each a batch at a time; 0: one")
    threads: int = option(0, "threads of each session; 0: all cores, or 1 for a model of less than 1 ms")
    max_batch: int = option(
        0, "samples computed together; 0: 32 where the bundle says that batches are quicker, else 1"
    )
    tune: bool = option(False, "choose those of sessions, threads and max-batch that are 0 by measuring them at start")
    max_delay_ms: float = option(0.0, "how long a free session waits for a batch to fill")

    provider: str = option(
        "auto", "where to compute; auto: CUDA where onnxruntime-gpu has it", choices=("auto", "cpu", "cuda", "tensorrt")
    )

    max_queue: int = option(256, "requests that may wait for each model; more are answered 429")
    timeout: float = option(30.0, "seconds for a request, queue included, that sets no shorter ones")
    drain_timeout: float = option(30.0, "seconds for the requests in flight after SIGTERM")
    body_timeout: float = option(30.0, "seconds for a request's body to arrive; a slow sender must not hold a place")
    max_body_bytes: int = option(16 * 2**20, "bytes of a request's body")
    max_request_batch: int = option(1024, "samples in one request")

    cache_bytes: int = option(0, "bytes of answers to keep for each model, for requests that come again; 0 keeps none")

    buckets: str = option("", "upper bounds of the histograms in seconds, with commas")
    cors_origin: str = option("", "a web site whose pages may call this server, or *")
    access_log: float = option(0.0, "share of the requests to log as JSON lines on stderr, 0 to 1")
    tokens: Path | None = option(None, "file of bearer tokens: NAME TOKEN [REQUESTS-PER-SECOND] a line", type=Path)
    tls_certificate: Path | None = option(None, "PEM file, read again when it changes", type=Path)
    tls_key: Path | None = option(None, "its private key, PEM", type=Path)

    def __post_init__(self) -> None:
        for name in ("max_queue", "max_body_bytes", "max_request_batch", "timeout", "body_timeout", "drain_timeout"):
            self.check(name, getattr(self, name) > 0, "give a number above 0")
        for name in ("sessions", "threads", "max_batch", "max_delay_ms", "cache_bytes"):
            self.check(name, getattr(self, name) >= 0, "give 0 or more")
        self.check("access_log", 0 <= self.access_log <= 1, "give a share, 0 to 1")
        try:
            bounds = [float(text) for text in self.buckets.split(",") if text]
        except ValueError:
            bounds = [math.inf]
        rising = bounds == sorted(set(bounds)) and all(map(math.isfinite, bounds))
        self.check("buckets", rising, "give rising numbers with commas, as 0.001,0.01,0.1")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise UserError("--tls-certificate and --tls-key: give both or none")

    @property
    def bucket_bounds(self) -> tuple[float, ...]:
        return tuple(float(text) for text in self.buckets.split(",") if text)
