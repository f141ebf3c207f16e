"""Progress and metrics in the status of a TrainJob, which Kubeflow Trainer takes from version 2.2.0 on.

With the feature gate TrainJobStatus its controller names an HTTPS endpoint in KUBEFLOW_TRAINER_SERVER_URL, and in
..._CA_CERT and ..._TOKEN the files of its certificate authority and of a token that changes from time to time. What is
posted there stands in `status.trainerStatus` (KEP-2779: docs/proposals/2779-trainjob-progress in kubeflow/trainer).
"""

import http.client
import json
import math
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from torchferry.training.evaluation import Evaluation
from torchferry.training.progress import Progress
from torchferry.training.telemetry.report import Report
from torchferry.training.telemetry.sender import Sender

URL = "KUBEFLOW_TRAINER_SERVER_URL"
CA_CERT = "KUBEFLOW_TRAINER_SERVER_CA_CERT"
TOKEN = "KUBEFLOW_TRAINER_SERVER_TOKEN"  # the variable's name
EVERY_SECONDS = 5.0
"""As often as Kubeflow's guide allows."""
TIMEOUT_SECONDS = 3.0
LONGEST = 64
"""Of a metric's name or value, in letters."""


class TrainJobStatus:
    def __init__(self, environ: Mapping[str, str], stands: Progress, total: int) -> None:
        """`stands` is moved by the loop, towards `total` optimizer steps."""
        self.environ, self.stands, self.total = environ, stands, total
        self.first, self.began, self.done = stands.step, time.monotonic(), False
        self.metrics: dict[str, float] = {}
        url = urlsplit(environ[URL])
        self.sender = Sender(f"{URL}: {url.hostname}", self._send, EVERY_SECONDS)

    def report(self, report: Report) -> None:
        of = {"loss": report.loss, "learning_rate": report.learning_rate, "epoch": report.epoch, "step": report.step}
        self.metrics = self.metrics | of | {"samples_per_second": report.samples_per_second}
        self.sender.wake()

    def evaluated(self, result: Evaluation) -> None:
        self.metrics = self.metrics | {f"eval_{name}": value for name, value in result.values.items()}
        self.sender.wake()

    def finish(self, *, done: bool) -> None:
        """`done`: also where it ended before its last step, because nothing got better."""
        self.done = done
        self.sender.finish()

    def body(self) -> dict[str, Any]:
        """What the endpoint takes: whole percent and seconds, and every metric as text."""
        step, steps = self.stands.step, self.stands.step - self.first
        status: dict[str, Any] = {"progressPercentage": 100 if self.done else min(100, 100 * step // self.total)}
        if self.done:
            status["estimatedRemainingSeconds"] = 0
        elif steps:
            left = (self.total - step) * (time.monotonic() - self.began) / steps
            status["estimatedRemainingSeconds"] = max(0, round(left))
        status["metrics"] = [
            {"name": name[:LONGEST], "value": f"{value:.6g}"}
            for name, value in self.metrics.items()
            if math.isfinite(value)
        ]
        status["lastUpdatedTime"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"trainerStatus": status}

    def _send(self) -> None:
        """Raises OSError, ssl.SSLError among them, and what http.client does for an answer that is none."""
        url = urlsplit(self.environ[URL])
        # Straight to it: the controller is in the cluster, where a proxy for the world outside has no business.
        if url.scheme == "https":
            context = ssl.create_default_context(cafile=self.environ.get(CA_CERT))
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                url.netloc, timeout=TIMEOUT_SECONDS, context=context
            )
        else:
            connection = http.client.HTTPConnection(url.netloc, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", url.path, json.dumps(self.body()), self._headers())
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise OSError(f"answered {answer.status} {answer.reason}")
        finally:
            connection.close()

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if file := self.environ.get(TOKEN):
            # Read each time: the kubelet replaces it before it expires.
            headers["Authorization"] = f"Bearer {Path(file).read_text().strip()}"
        return headers


class NoTrainJobStatus(TrainJobStatus):
    """Where Kubeflow does not ask for one."""

    def __init__(self) -> None: ...
    def report(self, report: Report) -> None: ...
    def evaluated(self, result: Evaluation) -> None: ...
    def finish(self, *, done: bool) -> None: ...


def trainjob_status(environ: Mapping[str, str], stands: Progress, total: int) -> TrainJobStatus:
    return TrainJobStatus(environ, stands, total) if environ.get(URL) else NoTrainJobStatus()
