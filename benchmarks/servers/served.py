"""A server that is up, measured by the load generator."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import urllib3

from torchferry.benchmarks.interruption import end_as
from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.benchmarks.load.http_probe import Probe
from torchferry.benchmarks.load.http_wire import OK
from torchferry.benchmarks.load.measurement import Measurement
from torchferry.benchmarks.load.oip import json_body
from torchferry.benchmarks.load.options import measure_closed, measure_open
from torchferry.benchmarks.load.steps import highest
from torchferry.benchmarks.load.target import Asked, Target, prepare
from torchferry.benchmarks.servers.peer import Job, Offered
from torchferry.benchmarks.servers.process import Process
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import DTYPES

RESOLUTION = 0.1  # of the highest rate: where bisection ends


@dataclass(frozen=True, kw_only=True)
class Served:
    process: Process
    server: str
    workers: int = 1
    threads: int
    golden: Mapping[str, np.ndarray]
    target: Target

    @property
    def protocol(self) -> str:
        return self.target.protocol

    @property
    def payload_bytes(self) -> int:
        return self.target.payload_bytes

    @property
    def answer_bytes(self) -> int:
        return self.target.answer_bytes

    def closed(self, connections: int, options: Namespace) -> Offered:
        result = measure_closed(self.target, connections, options)
        _go_on(result)
        if result.errors or result.void or not result.achieved_rate:
            failed = ", ".join(f"{count:,} x {name}" for name, count in result.outcomes.items() if name != OK)
            raise Unavailable(f"with {connections} connections: {result.void or failed or 'no answers'}")
        return _offered(result)

    def opened(self, rate: float, options: Namespace) -> Offered | None:
        result = self._open(rate, options)
        _go_on(result)
        if result.void and not result.saturated:  # the generator was kept from computing, for a moment perhaps
            result = self._open(rate, options)
            _go_on(result)
        if result.void:
            print(f"servers: {self.server} at {rate:g}/s has no figure: {result.void}", file=sys.stderr, flush=True)
        return None if result.saturated or result.void or result.errors else _offered(result)

    def sustainable(self, most: float, options: Namespace) -> float:
        rate, probes = highest(partial(self._open, options=options), most / 2, options.slo_ms, RESOLUTION)
        _go_on(probes[-1])
        return rate

    def _open(self, rate: float, options: Namespace) -> Measurement:
        return measure_open(self.target, rate, options)


def answers(url: str) -> bool | None:
    """True if a GET of `url` is answered with 200, None until then."""
    try:
        return urllib3.PoolManager(timeout=2, retries=False).request("GET", url).status == 200 or None
    except urllib3.exceptions.HTTPError:
        return None


def target_of(job: Job, url: str, model: str, protocol: str) -> Target:
    """The job's samples for a protocol that the load generator knows. Raises UserError."""
    asked = Asked(
        endpoint=parse_endpoint(url),
        model=model,
        version="",
        input=job.bodies if protocol == "predictions" else job.tensors,
        batch=1,
        timeout=job.timeout,
    )
    return prepare(protocol, asked)


def infer(job: Job, url: str, model: str) -> dict[str, np.ndarray]:
    """The outputs for the golden inputs, by the Open Inference Protocol. Raises UserError, ServerFault, Unavailable."""
    inputs, _ = job.bundle.golden()
    probe = Probe(parse_endpoint(url), job.timeout)
    body = probe.post(f"/v2/models/{model}/infer", json_body(inputs), {"Content-Type": "application/json"})
    try:
        return {tensor["name"]: _values(tensor) for tensor in json.loads(body)["outputs"]}
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"its answer is not of the Open Inference Protocol ({error!r})") from error


def described(specs: Sequence[TensorSpec]) -> list[dict[str, Any]]:
    """As the Open Inference Protocol has it in a model's metadata."""
    return [{"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)} for spec in specs]


def _values(tensor: Mapping[str, Any]) -> np.ndarray:
    return np.array(tensor["data"], DTYPES[tensor["datatype"]]).reshape(tensor["shape"])


def _offered(result: Measurement) -> Offered:
    return Offered(
        p50_ms=result.percentiles_ms["p50"],
        p99_ms=result.percentiles_ms["p99"],
        rate=result.achieved_rate,
        requests=result.requests,
    )


def _go_on(result: Measurement) -> None:
    end_as(result.interrupted)
