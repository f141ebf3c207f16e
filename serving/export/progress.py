"""Shows a person an export: a line as each part begins and ends, on a terminal a bar for each pass over samples."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from torchferry.contract.tasks.metric_text import metric_text
from torchferry.serving.bundle.variant import Measured, OnProvider, Variant

SILENCE = 25.0
"""Seconds of a pass after which a line says where it stands, so that none of 30 go by without one."""


class Progress(Protocol):
    def begins(self, name: str) -> None:
        """What is built and measured from here on."""

    def says(self, line: str) -> None: ...

    def reads(self, samples: int | None) -> None:
        """A pass over so many samples begins; None if their number is not known."""

    def has_read(self, samples: int) -> None: ...


class Silent:
    def begins(self, name: str) -> None: ...
    def says(self, line: str) -> None: ...
    def reads(self, samples: int | None) -> None: ...
    def has_read(self, samples: int) -> None: ...


SILENT = Silent()


class Lines:
    """For logs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.said = clock, clock()
        self.name, self.total, self.read = "", "", 0

    def begins(self, name: str) -> None:
        self.name = name
        self.says(f"{name:13}  begins")

    def says(self, line: str) -> None:
        self.said = self.clock()
        print(line, flush=True)

    def reads(self, samples: int | None) -> None:
        self.total, self.read = "" if samples is None else f" of {samples:,}", 0

    def has_read(self, samples: int) -> None:
        self.read += samples
        if self.clock() >= self.said + SILENCE:
            self.says(f"{self.name:13}  {self.read:,}{self.total} samples")


class Bar:
    """For a terminal; it is there during a pass."""

    def __init__(self) -> None:
        from rich import progress  # only here, because it is not imported at once
        from rich.console import Console

        self.name = ""
        self.task: Any = None
        self.bar = progress.Progress(
            progress.TextColumn("{task.description:13}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            console=Console(),
            transient=True,
        )
        self.bar.start()

    def begins(self, name: str) -> None:
        self.name = name
        self.says(f"{name:13}  begins")

    def says(self, line: str) -> None:
        self._remove()
        self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def reads(self, samples: int | None) -> None:
        self._remove()
        self.task = self.bar.add_task(self.name, total=samples)

    def has_read(self, samples: int) -> None:
        self.bar.advance(self.task, samples)

    def _remove(self) -> None:
        """What is not passed over the samples has no bar."""
        if self.task is not None:
            self.bar.remove_task(self.task)
        self.task = None


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A bar and lines on a terminal, lines elsewhere."""
    if sys.stdout is None or not sys.stdout.isatty():
        yield Lines()
        return
    bar = Bar()
    try:
        yield bar
    finally:  # before an error's line
        bar.bar.stop()


def variant_line(name: str, variant: Variant, seconds: float) -> str:
    """What became of a variant after so long."""
    measured, speed = variant.measured, variant.speed
    metric, value = measured.metric, measured.score
    score = "" if metric is None or value is None else f"{metric} {metric_text(metric, value)}  "
    return (
        f"{name:13}  {variant.status}  {variant.bytes / 1000:9,.0f} kB  {speed.batch_1_ms:8.3f} ms  {score}"
        + _compared(measured)
        + (f"  ({variant.reason})" if variant.reason else "")
        + f"  in {seconds:.1f} s"
        + (f"\n{'':15}{variant.note}" if variant.note else "")
        + "".join(f"\n{'':15}{_on(provider, on)}" for provider, on in variant.providers.items())
    )


def _on(provider: str, on: OnProvider) -> str:
    found = f"refused ({on.reason})" if on.reason else "accepted"
    return f"on {provider}: {found}  {on.speed.batch_1_ms:.3f} ms  {_compared(on.measured)}"


def _compared(measured: Measured) -> str:
    """With the checkpoint's answers: how far they mean the same, how far numbers are apart, and how many whole numbers
    are others. No difference of numbers is said where outputs are whole numbers, such as a class for each pixel."""
    said = []
    if measured.agreement is not None:
        said.append(f"agreement {math.floor(1e4 * measured.agreement) / 100:.2f}%")  # 100 is said of all alone
    if measured.differences or not measured.changed_shares:
        apart = measured.max_abs_diff
        said.append(f"largest difference {'none' if apart is None else format(apart, '.1e')}")
    elif measured.agreement is None:
        said.append(f"{max(measured.changed_shares.values()):.2%} other values")
    return "  ".join(said)
