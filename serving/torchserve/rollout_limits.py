"""The limits of a rollout: how much worse than the one before it a new version may do.

Limits are on its own requests since it became the default. Where they are not given, what the version before it did
since the server's start is the measure.
"""

import math
from argparse import Namespace
from dataclasses import dataclass

from torchferry.arguments import Parser, finite
from torchferry.errors import UserError
from torchferry.serving.torchserve.version_stats import VersionStats

FEW = 100
"""Requests; of fewer, neither a share of some percent nor a p99 says much."""
SLOWER = 2.0
NOISE_SECONDS = 0.010
"""So many times the old version's p99, and so much more, is worse where no limit was given."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    watch_seconds: float
    keep: bool
    """The old version, when all is well."""
    failed_share: float
    """That may fail more than with the old version."""
    p99_seconds: float | None

    def against(self, measure: VersionStats) -> tuple[float, float]:
        """The share that may fail, and the slowest p99 in seconds, for a version that is compared with `measure`."""
        slowest = self.p99_seconds
        if slowest is None:
            p99 = measure.p99_seconds if measure.requests >= FEW else math.inf
            slowest = max(SLOWER * p99, p99 + NOISE_SECONDS)
        return measure.failed_share + self.failed_share, slowest


def add_limits(parser: Parser) -> None:
    parser.add_argument("--watch-seconds", type=finite, default=60.0, help="after it became the default (default 60)")
    parser.add_argument(
        "--max-error-ratio",
        type=finite,
        default=0.01,
        help="of requests that may fail beyond the old version's share (default 0.01)",
    )
    parser.add_argument("--max-p99-ms", type=finite, help="(default twice the old version's, or 10 ms more)")
    parser.add_argument("--keep", action="store_true", help="leave the old version registered when all is well")


def limits_of(options: Namespace) -> Limits:
    """Raises UserError."""
    for name in ("watch_seconds", "max_error_ratio", "max_p99_ms"):
        if (value := getattr(options, name)) is not None and value < 0:
            raise UserError(f"--{name.replace('_', '-')}: {value:g} is too small; give 0 or more")
    p99 = options.max_p99_ms
    return Limits(
        watch_seconds=options.watch_seconds,
        keep=options.keep,
        failed_share=options.max_error_ratio,
        p99_seconds=None if p99 is None else p99 / 1000,
    )


def worse(seen: VersionStats, failed_share: float, slowest: float, *, is_all: bool) -> str:
    """What `seen` is beyond, or nothing. Few requests are judged when `is_all` there will be, and then for failures."""
    if seen.failed_share > failed_share and (seen.requests >= FEW or is_all):
        return f"{seen.failed} of {seen.requests} requests failed; {failed_share:.2%} may"
    if seen.p99_seconds > slowest and seen.requests >= FEW:
        return f"p99 was {seen.p99_seconds * 1000:.3g} ms; {slowest * 1000:.3g} ms are allowed"
    return ""
