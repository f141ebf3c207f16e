"""JSON with tensors as base64, for peers that leave the body's form to their user, so that no protocol of the load
generator's fits."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.benchmarks.load.http_probe import Probe, request_bytes
from torchferry.benchmarks.load.inputs import Inputs
from torchferry.benchmarks.load.oip import raw_bytes
from torchferry.benchmarks.load.target import Target
from torchferry.benchmarks.servers.peer import Job
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.serving.codec.tensors import DTYPES

HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Base64Json:
    job: Job
    url: str
    path: str
    wrap: Callable[[Any], Any] = lambda tensors: tensors
    """From the tensors to what the peer is sent."""
    unwrap: Callable[[Any], Any] = lambda outputs: outputs
    """From what it answers to its outputs."""

    def golden(self) -> dict[str, np.ndarray]:
        """The outputs for the golden inputs. Raises UserError, ServerFault and Unavailable."""
        inputs, _ = self.job.bundle.golden()
        answer = self._ask(self._body(inputs))
        dtypes = {spec.name: DTYPES[spec.datatype] for spec in self.job.bundle.outputs}
        try:
            return {name: np.array(values, dtypes[name]) for name, values in self.unwrap(json.loads(answer)).items()}
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Unavailable(f"its answer is not what was agreed ({error!r})") from error

    def target(self) -> Target:
        endpoint = parse_endpoint(self.url)
        bodies = [self._body(dict(np.load(file))) for file in sorted(self.job.tensors.iterdir())]
        return Target(
            endpoint=endpoint,
            model=self.job.bundle.name,
            protocol="JSON, base64",
            method=None,
            requests=[request_bytes(endpoint, self.path, body, HEADERS) for body in bodies],
            payload_bytes=round(sum(map(len, bodies)) / len(bodies)),
            answer_bytes=len(self._ask(bodies[0])),
            batch=1,
            server=None,
        )

    def _ask(self, body: bytes) -> bytes:
        return Probe(parse_endpoint(self.url), self.job.timeout).post(self.path, body, HEADERS)

    def _body(self, inputs: Inputs) -> bytes:
        return json.dumps(self.wrap({name: _tensor(values) for name, values in inputs.items()})).encode()


def _tensor(values: np.ndarray) -> dict[str, Any]:
    data = base64.b64encode(raw_bytes(values)).decode()
    return {"datatype": values.dtype.name, "shape": values.shape, "data": data}
