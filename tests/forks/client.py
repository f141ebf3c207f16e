"""Stands for a Python process that the server has forked: same streams, signals and end.  SOCKET ARGUMENTS...

It imports little and only what is Python's own, since it is started for each command.
"""

import array
import contextlib
import json
import os
import signal
import socket
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TRAINERS = "torchferry.benchmarks.training.trainers"
WARM = (
    "torchferry",
    "torchferry.training",
    "torchferry.training.distributed.launcher",
    "torch.distributed.run",
    f"{TRAINERS}.all_reduce",
    f"{TRAINERS}.bare",
    f"{TRAINERS}.our_trainer",
    f"{TRAINERS}.restart",
)
WORKER = "/ts/model_service_worker.py"
"""TorchServe's own, which Java starts with the Python of whoever has started Java."""
READ_AT_START = ("PYTHONHASHSEED", "PYTHONPATH", "PYTHONWARNINGS", "TORCH_LOGS")
"""What an interpreter or torch reads before the first line of ours runs, so that a fork would not heed it."""
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def main(path: str, *words: str) -> None:
    arguments = words[1:] if words[:1] == ("-u",) else words
    if not (_is_worker(arguments) or _is_ours(arguments)):
        os.execv(sys.executable, [sys.executable, *words])
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        _hand_over(server, words)
        answers = server.makefile("r")
        process = int(answers.readline())
        for number in PASSED_ON:
            signal.signal(number, lambda number, _: _pass_on(process, number))
        end = int(answers.readline())
    if end < 0:
        signal.signal(-end, signal.SIG_DFL)
        os.kill(os.getpid(), -end)
    os._exit(end)


def _pass_on(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.kill(process, number)


def _is_worker(arguments: tuple[str, ...]) -> bool:
    return len(arguments) > 0 and arguments[0].endswith(WORKER) and "PYTHONHASHSEED" not in os.environ


def _is_ours(arguments: tuple[str, ...]) -> bool:
    known = arguments[:1] == ("-m",) and arguments[1] in WARM and os.getcwd() == ROOT
    # They look at the processes that they start, and a client is not the process that works.
    real = arguments[1:3] in (("torchferry", "bench"), ("torchferry", "demo"))
    return known and not real and not any(name in os.environ for name in READ_AT_START)


def _hand_over(server: socket.socket, words: tuple[str, ...]) -> None:
    own = {"folder": os.getcwd(), "nice": os.nice(0), "environment": dict(os.environ)}
    request = json.dumps(own | {"words": words}).encode()
    streams = array.array("i", [0, 1, 2])
    server.sendmsg([len(request).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
    server.sendall(request)


if __name__ == "__main__":
    main(*sys.argv[1:])
