"""`torchferry models rollout MODEL@VERSION`: a new version takes over, and goes back if it does worse."""

import math
import time
from pathlib import Path

from torchferry.errors import GateError, ServerFault, UserError
from torchferry.serving.torchserve.archive import archive_version, check_archive
from torchferry.serving.torchserve.models import Models
from torchferry.serving.torchserve.rollout_limits import Limits, worse
from torchferry.serving.torchserve.version_stats import VersionStats

PAUSE_SECONDS = 1.0
STUCK_SECONDS = 10.0
"""Without an answer while requests wait; or three times the slowest p99 that is allowed, if that is longer."""


class Rollout:
    def __init__(self, models: Models, of: tuple[str, str], archive: Path | None) -> None:
        """Registers the version if it is not yet there. Raises UserError, and ServerFault if it cannot be loaded."""
        self.models, self.new, (model, version) = models, of, of
        standing = models.management.standing(model)
        default = next((found for found in standing if found.default), None)
        if default is None:
            raise UserError(f"{model}: nothing is served by that name yet; torchferry models register it")
        if default.version == version:
            raise UserError(f"{model}@{version} is the default already")
        self.old = (model, default.version)
        if all(found.version != version for found in standing):
            self._register(archive)
        if models.find(*of).workers < default.workers:  # it is to bear the same load
            models.scale(of, default.workers)

    def run(self, limits: Limits) -> None:
        """Raises GateError if the new version did worse; then the old one is the default again."""
        before, measure = self._stats(self.new), self._stats(self.old)
        self.models.set_default(self.new)
        try:
            reason = self._watch(before, measure, limits)
        except ServerFault as error:
            reason = str(error)
        except (KeyboardInterrupt, SystemExit):
            self.models.set_default(self.old)
            raise
        if reason:
            self.models.set_default(self.old)
            raise GateError(f"{'@'.join(self.new)} did worse: {reason}; it is {self._removed()}")
        if not limits.keep:
            self.models.remove(self.old)

    def _watch(self, before: VersionStats, measure: VersionStats, limits: Limits) -> str:
        """Why the new version does worse, or nothing."""
        failed_share, slowest = limits.against(measure)
        stuck = STUCK_SECONDS if math.isinf(slowest) else max(STUCK_SECONDS, 3 * slowest)
        now = answered = time.monotonic()
        end, last = now + limits.watch_seconds, before
        while now < end:
            time.sleep(min(PAUSE_SECONDS, end - now))
            stats, now = self._stats(self.new), time.monotonic()
            if stats.requests > last.requests or not stats.unanswered:
                answered = now
            if now - answered > stuck:
                return f"{stats.unanswered} requests wait, and none was answered for {now - answered:.0f} s"
            if not stats.ready and not last.ready:
                return "no worker of it is ready"
            if reason := worse(stats.since(before), failed_share, slowest, is_all=now >= end):
                return reason
            last = stats
        seen = last.since(before)
        print(
            f"{'@'.join(self.new)}: {seen.requests} requests, {seen.failed} failed, "
            f"p99 {seen.p99_seconds * 1000:.3g} ms (before: {measure.p99_seconds * 1000:.3g} ms)",
            flush=True,
        )
        return ""

    def _register(self, archive: Path | None) -> None:
        if archive is None:
            raise UserError(f"{'@'.join(self.new)} is not registered; give its .mar with --archive")
        check_archive(archive)
        if (found := archive_version(archive)) != self.new:
            raise UserError(f"--archive: {archive} holds {'@'.join(found)}, not {'@'.join(self.new)}")
        self.models.register(archive)

    def _removed(self) -> str:
        try:
            self.models.remove(self.new)
        except UserError:  # it hangs
            return "not the default any more, but still has requests"
        return "not served any more"

    def _stats(self, of: tuple[str, str]) -> VersionStats:
        return VersionStats.of(self.models.running.metrics, self.models.running.key, *of)
