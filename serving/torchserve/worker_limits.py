"""Bounds what a worker may spend on a request; the launcher hands it over in the environment."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from torchferry.serving.session.padding import MOST_PADDING

PREFIX = "TORCHFERRY_LIMIT_"


@dataclass(frozen=True, kw_only=True)
class WorkerLimits:
    """Without a launcher of ours there are none but TorchServe's."""

    timeout: float = math.inf
    """Seconds, the time in the queue included."""
    body_bytes: int = 2**31
    """Unpacked."""
    samples: int = 2**31
    pixels: int = 2**31
    """Of all pictures."""
    padding: float = MOST_PADDING
    """Share of what is computed for a request, where samples of unequal sizes are computed together."""
    answer_bytes: int = 6_553_500 - 4096
    """A longer answer ends TorchServe's connection to the worker; its limit is 6,553,500 unless it is told another."""

    def environment(self) -> dict[str, str]:
        return {f"{PREFIX}{name.upper()}": str(value) for name, value in vars(self).items()}

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Self:
        given = {name: environ.get(f"{PREFIX}{name.upper()}") for name in cls.__dataclass_fields__}
        timeout, padding = given.pop("timeout"), given.pop("padding")
        whole = {name: int(value) for name, value in given.items() if value}
        return cls(timeout=float(timeout or math.inf), padding=float(padding or MOST_PADDING), **whole)
