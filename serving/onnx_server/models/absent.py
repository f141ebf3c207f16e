"""Versions that should be served and are not: some are being loaded, others could not be."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from torchferry.errors import UserError
from torchferry.serving.errors import LATER, SOON, Unavailable
from torchferry.serving.onnx_server.telemetry.metrics import Metrics

Key = tuple[str, str]
"""A name, and a version or a channel."""


class Absent:
    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.is_starting = False
        """Nobody is answered yet: another version than the one that is meant might be."""
        self.first: set[Key] = set()
        """That the server loads before it answers anybody."""
        self.loading: Counter[Key] = Counter()
        """How many times at once."""
        self.failures: dict[Key, str] = {}
        """Why a version could not be loaded, until it can."""
        self.left_out: dict[Key, str] = {}
        """By name and channel, the version that it should have meant."""

    def begin(self, loading: Iterable[Key], failures: Mapping[Key, str]) -> None:
        """The server starts: these are to be loaded, and those cannot be."""
        self.is_starting = True
        self.first.update(loading)
        for key, reason in failures.items():
            self._fail(key, reason)

    def begun(self) -> None:
        self.is_starting = False
        self.first.clear()

    def why(self, name: str, version: str, *, is_empty: bool) -> Unavailable | None:
        """What is known and cannot answer now; None where nobody knows the name, and there are others."""
        what = f"{name} {version}".strip()
        if _about(name, "", self.first) or _about(name, version, self.loading):  # a channel of the first has no version
            return Unavailable(f"{what} is being loaded", SOON)
        if _about(name, self.left_out.get((name, version), version), self.failures):
            return Unavailable(f"{what} could not be loaded; /v2/repository/index says why", LATER)
        return Unavailable("no model is loaded", LATER) if is_empty and not self.is_starting else None

    @contextmanager
    def being_loaded(self, key: Key) -> Iterator[None]:
        """A failure is kept until it can be loaded, or is forgotten."""
        self.loading[key] += 1
        try:
            yield
        except UserError as error:
            self._fail(key, str(error))
            raise
        finally:
            self.loading[key] -= 1
            self.loading += Counter()  # without those that are no more
        self.failures.pop(key, None)

    def leave_out(self, name: str, channels: Mapping[str, str]) -> None:
        """Channels, and the versions that they should mean."""
        for channel, version in channels.items():
            self.left_out[name, channel] = version
            print(f"torchferry: {name}/{channel}: is left out, as {version} is skipped", file=sys.stderr, flush=True)

    def forget(self, name: str, version: str) -> bool:
        """That it, or each version where there is none, could not be loaded; whether there was such a thing."""
        failed = _about(name, version, self.failures)
        for key in failed:
            del self.failures[key]
            self.metrics.forget(*key)
        return bool(failed)

    def _fail(self, key: Key, reason: str) -> None:
        self.failures[key] = reason
        self.metrics.failed(*key)


def _about(name: str, version: str, keys: Iterable[Key]) -> list[Key]:
    """Those of the name, and of the version if there is one."""
    return [key for key in keys if key[0] == name and version in ("", key[1])]


def say_skipped(error: UserError) -> None:
    print(f"torchferry: {error}; it is skipped", file=sys.stderr, flush=True)
