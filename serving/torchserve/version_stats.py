"""Statistics of one version's requests until now, from the page that Prometheus reads."""

import math
from dataclasses import dataclass
from typing import Self

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from torchferry.errors import ServerFault

SECONDS = 10


@dataclass(frozen=True)
class VersionStats:
    requests: int
    failed: int
    """Not answered as asked, whoever's fault: a new version may refuse what the old one took."""
    unanswered: int
    """In the queue, and in workers."""
    ready: int
    """Workers."""
    within: dict[float, int]
    """Requests that took no longer than so many seconds, by the histogram's bounds."""

    @classmethod
    def of(cls, page: str, key: str, model: str, version: str) -> Self:
        """`page`: its URL; it lets in who has the server's `key`. Raises ServerFault."""
        headers = {"Authorization": f"Bearer {key}"}
        try:
            answer = urllib3.request("GET", page, headers=headers, timeout=SECONDS, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise ServerFault(f"{page}: no answer ({type(error).__name__})") from error
        if answer.status != 200:
            raise ServerFault(f"{page}: answered {answer.status}")
        requests = failed = unanswered = ready = 0
        within: dict[float, int] = {}
        for family in text_string_to_metric_families(answer.data.decode()):
            for name, labels, value, *_ in family.samples:
                if (labels.get("model"), labels.get("version")) != (model, version):
                    continue
                if name == "torchferry_serve_requests_total":
                    requests += int(value)
                    failed += int(value) if labels["outcome"] != "ok" else 0
                elif name in ("torchferry_serve_queue_depth", "torchferry_serve_in_flight"):
                    unanswered += int(value)
                elif name == "torchferry_serve_workers_ready":
                    ready = int(value)
                elif name == "torchferry_serve_request_duration_seconds_bucket":
                    bound = float(labels["le"])
                    within[bound] = within.get(bound, 0) + int(value)
        return cls(requests, failed, unanswered, ready, within)

    def since(self, earlier: "VersionStats") -> "VersionStats":
        """The requests that `earlier` has not seen."""
        within = {bound: count - earlier.within.get(bound, 0) for bound, count in self.within.items()}
        return VersionStats(
            self.requests - earlier.requests, self.failed - earlier.failed, self.unanswered, self.ready, within
        )

    @property
    def failed_share(self) -> float:
        return self.failed / self.requests if self.requests else 0.0

    @property
    def p99_seconds(self) -> float:
        """As Prometheus' histogram_quantile has it: linear within a bucket, the last bound for all above it."""
        rank = 0.99 * self.within.get(math.inf, 0)
        lower, below = 0.0, 0
        for bound, count in sorted(self.within.items()):
            if count >= rank and count > below:
                return lower if math.isinf(bound) else lower + (bound - lower) * (rank - below) / (count - below)
            lower, below = bound, count
        return 0.0
