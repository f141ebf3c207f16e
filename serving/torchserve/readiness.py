"""Readiness: every model has a worker, and gives its golden outputs."""

import threading
import time
from collections.abc import Iterable

from torchferry.errors import ServerFault, UserError
from torchferry.serving.client import RestClient
from torchferry.serving.codec.predicted_labels import GOLDEN
from torchferry.serving.torchserve.golden import Goldens
from torchferry.serving.torchserve.management import Management

FRESH_SECONDS = 2.0
ANSWER_SECONDS = 5.0


class Readiness:
    """Asked as often as one likes; the models are asked every two seconds at most."""

    def __init__(self, url: str, management: Management, goldens: Goldens, started_with: Iterable[str]) -> None:
        self.client = RestClient(url, ANSWER_SECONDS, {GOLDEN: "1"})
        self.management, self.goldens = management, goldens
        self.served = set(started_with)
        """Models that have been ready: one that is being loaded for the first time keeps no requests from others."""
        self.why, self.checked, self.lock = "", 0.0, threading.Lock()
        self.draining = False

    def __call__(self) -> str:
        """Why it is not ready, or nothing."""
        if self.draining:
            return "the server is about to stop"
        with self.lock:
            if time.monotonic() - self.checked > FRESH_SECONDS:
                self.why, self.checked = self._check(), time.monotonic()
            return self.why

    def _check(self) -> str:
        try:
            models = self.management.models()
            self.served &= set(models)
            if not models:
                return "no model is left"
            return next(filter(None, map(self._check_model, models)), "")
        except (UserError, ServerFault) as error:
            return str(error)

    def _check_model(self, model: str) -> str:
        """Of the version that requests without one go to."""
        default = next((version for version in self.management.standing(model) if version.default), None)
        if default is None or not default.ready:
            return f"{model} has no worker that is ready" if model in self.served else ""
        self.served.add(model)
        if not default.queued:  # otherwise it answers others; the golden input would only wait behind them
            self.goldens.of(model, default.version).check_again(self.client)
        return ""
