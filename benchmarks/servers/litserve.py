"""LitServe in an environment of its own: one worker, no batching, all other settings as it comes."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.load.endpoint import parse_endpoint
from benchmarks.load.http_probe import Probe, request_bytes
from benchmarks.load.inputs import Inputs
from benchmarks.load.oip import raw_bytes
from benchmarks.load.target import Target
from benchmarks.servers.environment import environment, pinned, python_of
from benchmarks.servers.peer import Job
from benchmarks.servers.ports import free_port
from benchmarks.servers.process import process
from benchmarks.servers.served import Served, answers
from serving.tensors import DTYPES

APP = Path(__file__).parent / "apps" / "litserve_app.py"
PATH, HEADERS = "/predict", {"Content-Type": "application/json"}


class LitServe:
    def __init__(self, job: Job) -> None:
        self.job, self.python = job, python_of(environment("litserve"))

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        job, port = self.job, free_port()
        url = f"http://127.0.0.1:{port}"
        with process([self.python, APP, job.model, job.threads, port], folder / "log", job.cpus) as running:
            running.until(lambda: answers(f"{url}/health"))
            yield Served(
                process=running,
                server=f"litserve {pinned('litserve')['litserve']}",
                threads=job.threads,
                golden=self._golden(url),
                target=self._target(url),
            )

    def _golden(self, url: str) -> dict[str, np.ndarray]:
        inputs, _ = self.job.bundle.golden()
        outputs = json.loads(Probe(parse_endpoint(url), self.job.timeout).post(PATH, _body(inputs), HEADERS))
        dtypes = {spec.name: DTYPES[spec.datatype] for spec in self.job.bundle.outputs}
        return {name: np.array(values, dtypes[name]) for name, values in outputs.items()}

    def _target(self, url: str) -> Target:
        """LitServe leaves the body's form to its user, so that no protocol of the load generator's fits."""
        endpoint = parse_endpoint(url)
        bodies = [_body(dict(np.load(file))) for file in sorted(self.job.tensors.iterdir())]
        return Target(
            endpoint=endpoint,
            model=self.job.bundle.name,
            protocol="JSON, base64",
            method=None,
            requests=[request_bytes(endpoint, PATH, body, HEADERS) for body in bodies],
            payload_bytes=round(sum(map(len, bodies)) / len(bodies)),
            answer_bytes=len(Probe(endpoint, self.job.timeout).post(PATH, bodies[0], HEADERS)),
            batch=1,
            server=None,
        )


def _body(inputs: Inputs) -> bytes:
    tensors = {
        name: {
            "datatype": values.dtype.name,
            "shape": values.shape,
            "data": base64.b64encode(raw_bytes(values)).decode(),
        }
        for name, values in inputs.items()
    }
    return json.dumps(tensors).encode()
