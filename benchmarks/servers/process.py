"""A server's process with its children: started, waited for, read in /proc and ended."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil

from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.errors import ServerFault, UserError

SECONDS_TO_START = 120.0
SECONDS_TO_STOP = 20.0
Found = TypeVar("Found")


class Process:
    def __init__(self, process: psutil.Popen, log: Path) -> None:
        self.process, self.log = process, log

    def until(self, found: Callable[[], Found | None]) -> Found:
        """What `found` gives once it gives something and raises no UserError or ServerFault. Raises Unavailable if the
        process ends or takes too long."""
        deadline, refusal = time.monotonic() + SECONDS_TO_START, ""
        while True:
            try:
                if (thing := found()) is not None:
                    return thing
            except (UserError, ServerFault) as error:
                refusal = str(error)
            if self.process.poll() is not None:
                raise Unavailable(f"ended with exit code {self.process.returncode}: {self._last_words()}")
            if time.monotonic() > deadline:
                raise Unavailable(f"was not ready after {SECONDS_TO_START:.0f} s: {refusal or self._last_words()}")
            time.sleep(0.02)

    def cpu_seconds(self) -> float:
        """Of all its processes until now, those that have ended included."""
        return sum(self._of_each(lambda process: sum(process.cpu_times()[:4])))

    def memory_bytes(self) -> int:
        """Of all its processes, pages that they share counted once (PSS)."""
        return sum(self._of_each(lambda process: process.memory_full_info().pss))

    def resident_bytes(self) -> int:
        """Of all its processes, as each says it (RSS)."""
        return sum(self._of_each(lambda process: process.memory_info().rss))

    def open_files(self) -> int:
        """Of all its processes: files, sockets and whatever else has a descriptor."""
        return sum(self._of_each(lambda process: process.num_fds()))

    def threads(self) -> int:
        return sum(self._of_each(lambda process: process.num_threads()))

    def stop(self) -> None:
        family = self._family()
        if self.process.poll() is None:
            self.process.terminate()
        with suppress(psutil.TimeoutExpired):
            self.process.wait(SECONDS_TO_STOP)
        # Some leave workers behind when they are told to stop, or when they break.
        _, left = psutil.wait_procs(family, timeout=1)
        for late in left:
            with suppress(psutil.NoSuchProcess):
                late.kill()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        psutil.wait_procs(left, timeout=1)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def _family(self) -> list[psutil.Process]:
        try:
            return [*self.process.children(recursive=True), self.process]
        except psutil.NoSuchProcess:
            return []

    def _of_each(self, figure: Callable[[psutil.Process], Found]) -> Iterator[Found]:
        """Of those that are alive; one may end while it is looked at."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    yield figure(process)

    def _last_words(self) -> str:
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"


@contextmanager
def process(
    command: Sequence[object],
    log: Path,
    cpus: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
    *,
    talks: bool = False,
) -> Iterator[Process]:
    """Run it to the end of the block, on `cpus` if there are any. One that `talks` has pipes for stdin and stdout."""

    def child() -> None:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: not to outlive this process if that is killed
        if cpus:
            os.sched_setaffinity(0, cpus)

    with log.open("w") as file:
        started = psutil.Popen(
            [str(word) for word in command],
            env=os.environ | dict(environment or {}),
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE if talks else file,
            stderr=file,
            text=True,
            # Ctrl-C reaches this process alone, which then ends the other.
            start_new_session=True,
            preexec_fn=child,
        )
    running = Process(started, log)
    try:
        yield running
    finally:
        running.stop()
