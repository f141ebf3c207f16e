"""A server process of ours: it ends with us, however we end, and takes what it started along."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


class SupervisedProcess:
    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        log: Path,
        environment: Mapping[str, str] = os.environ,
        given: Sequence[int] = (),
    ) -> None:
        """Start it in `folder`, with the file descriptors `given`; what it prints is appended to `log`."""
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=given,
                start_new_session=True,  # Ctrl-C in the terminal reaches us alone, and we stop it in order
                preexec_fn=_die_with_parent,
            )

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self.process.returncode

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, seconds: float) -> None:
        """SIGTERM, and after so many seconds SIGKILL, also for those of its group that it left behind."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self.kill()
        self.process.wait()

    def kill(self) -> None:
        """SIGKILL, to its whole group; also from a signal's handler, while `stop` waits."""
        with suppress(ProcessLookupError):
            # start_new_session made its number that of its group as well.
            os.killpg(self.process.pid, signal.SIGKILL)


def _die_with_parent() -> None:
    """Ask the kernel (prctl PR_SET_PDEATHSIG, 1) to end it if this process is killed outright."""
    # The kernel means the thread that has started it, see prctl(2).
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
