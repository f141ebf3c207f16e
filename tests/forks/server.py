"""Forks a process for each command that a client brings, until the suite has ended:  FOLDER PID-OF-THE-SUITE"""

import atexit
import contextlib
import io
import json
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import threading
from pathlib import Path

import numpy
import torch

from tests.forks import ROOT, warm

assert warm  # its import is what this process is for


ANOTHERS = ("torchferry", "prometheus_client")
"""Packages that a worker of TorchServe imports anew: the one from its archive, the other as its environment says."""


def main(folder: Path, suite: int) -> None:
    sys.executable = str(folder / "python")  # what a fork starts is a fork as well
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a keeper
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "coming"))
        listener.listen(128)
        os.rename(folder / "coming", folder / "socket")
        ends = os.pidfd_open(suite)
        while ends not in select.select([listener.fileno(), ends], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                try:
                    listener.close()
                    os.close(ends)
                    _keep(connection)
                except BaseException:
                    sys.excepthook(*sys.exc_info())
                finally:
                    os._exit(1)  # an orderly exit would wait for threads of ONNX Runtime that no fork has
            connection.close()
    shutil.rmtree(folder)
    os._exit(0)  # taking all this apart would take seconds


def _keep(client: socket.socket) -> None:
    """Fork the command, and tell the client how it ends; if the client goes first, it takes the command with it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, *_ = socket.recv_fds(client, 8, 3)
    request = b""
    while len(request) < int.from_bytes(size, "big"):
        part = client.recv(1 << 20)
        if not part:
            os._exit(0)  # the client has gone
        request += part
    process = os.fork()
    if process == 0:
        client.close()
        _become(streams, **json.loads(request))
    for stream in streams:
        os.close(stream)
    with contextlib.suppress(OSError):  # a client that has gone is noticed below
        client.sendall(b"%d\n" % process)
    ends = os.pidfd_open(process)
    if ends not in select.select([client.fileno(), ends], [], [])[0]:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    with contextlib.suppress(OSError):
        client.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(streams: list[int], folder: str, nice: int, words: list[str], environment: dict[str, str]) -> None:
    """Turn this process into `python WORDS`."""
    os.setsid()
    os.nice(nice - os.nice(0))
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    unbuffered = words[0] == "-u"
    sys.stdin = os.fdopen(0, closefd=False)
    binary = os.fdopen(1, "wb", 0 if unbuffered else -1, closefd=False)
    sys.stdout = io.TextIOWrapper(binary, write_through=unbuffered, line_buffering=not unbuffered and os.isatty(1))
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    numpy.random.seed()  # from the system, as in a fresh interpreter
    if threads := environment.get("OMP_NUM_THREADS"):  # which OpenMP has read already
        torch.set_num_threads(int(threads))
    code = 1
    try:
        _run(words[unbuffered:])
        code = 0
    except SystemExit as end:
        code = _code(end)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        _end(code)


def _run(words: list[str]) -> None:
    if words[0] == "-m":
        sys.path[0] = os.getcwd()
        sys.argv = words[1:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[:1] = [str(Path(words[0]).parent), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
        sys.argv = words
        for name in [name for name in sys.modules if name.split(".")[0] in ANOTHERS]:
            del sys.modules[name]
        runpy.run_path(words[0], run_name="__main__")


def _code(end: SystemExit) -> int:
    if isinstance(end.code, str):
        print(end.code, file=sys.stderr)
    return end.code if isinstance(end.code, int) else int(end.code is not None)


def _end(code: int) -> None:
    """As an interpreter ends."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    assert Path.cwd() == ROOT
    main(Path(sys.argv[1]), int(sys.argv[2]))
