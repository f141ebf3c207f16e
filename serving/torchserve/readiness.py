"""Whether requests should be sent here: every model has a worker, and gives its golden outputs."""

import threading
import time
from collections.abc import Sequence

from serving.client import RestClient
from serving.errors import ServerFault, UserError
from serving.torchserve.golden import Golden
from serving.torchserve.management import Management

FRESH_SECONDS = 2.0
ANSWER_SECONDS = 5.0


class Readiness:
    """Asked as often as one likes; the models are asked every two seconds at most."""

    def __init__(self, url: str, management: Management, models: Sequence[Golden]) -> None:
        self.client, self.management, self.models = RestClient(url, ANSWER_SECONDS), management, models
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
        for golden in self.models:
            standing = self.management.standing(golden.model)
            if not any(version.ready for version in standing):
                return f"{golden.model} has no worker that is ready"
            if any(version.queued for version in standing):
                continue  # it answers others; the golden input would only wait behind them
            try:
                golden.check(self.client)
            except (UserError, ServerFault) as error:
                return str(error)
        return ""
