"""Offers a load from as many processes as it takes, and collects the outcome of every request.

Open loop: a request's latency counts from the time it was meant to be sent, so a stall of the server is felt by
every request that fell into it, as it is by users (coordinated omission is what hides this elsewhere).
"""

import math
import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from torchferry.benchmarks.load.target import Target
from torchferry.benchmarks.load.worker import Records, Shift, work
from torchferry.errors import ServerFault, UserError
from torchferry.termination import take

STARTING = 60.0  # seconds for a process to connect


@dataclass(frozen=True, kw_only=True)
class Senders:
    """Who sends."""

    processes: int
    connections: int
    """Of all of them: in a closed loop those kept busy, in an open loop the most."""
    cpus: tuple[int, ...]
    timeout: float


@dataclass(frozen=True, kw_only=True)
class Load:
    """What happened to every request, in the order in which they were meant to be sent."""

    intended: np.ndarray
    """Seconds from the start, float64."""
    latency: np.ndarray
    """Seconds from the intended send time to the whole answer, float64; NaN for an error."""
    lag: np.ndarray
    """Seconds by which the generator itself was late to send, float64."""
    outcome: np.ndarray
    """Index into `outcomes`, int64."""
    outcomes: list[str]
    stages: dict[str, float]
    """Mean milliseconds of each stage, of all answers of the server that told them."""
    starved: int
    """Requests that had to wait for a connection."""
    hopeless: bool
    """The rate was given up."""
    cpu_seconds: Sequence[float]
    """Of each process."""
    seconds: float
    """From the start to the last answer."""
    interruption: BaseException | None
    """What ended it early."""


Progress = Callable[[float, int, int], None]
"""Told of the seconds since the start, the requests sent and the requests that ended."""


def offer_open(target: Target, arrivals: np.ndarray, senders: Senders, progress: Progress) -> Load:
    """Send at each of `arrivals` (seconds from the start, rising). Raises UserError."""
    count = senders.processes
    most = math.ceil(senders.connections / count)
    shifts = [
        Shift(
            target=target,
            arrivals=arrivals[index::count],
            connections=most,
            seconds=0,
            timeout=senders.timeout,
            cpus=senders.cpus,
        )
        for index in range(min(count, len(arrivals)))
    ]
    return _offer(shifts, progress)


def offer_closed(target: Target, seconds: float, senders: Senders, progress: Progress) -> Load:
    """Keep every connection busy, sending again when an answer has come; latency counts from sending."""
    count = min(senders.processes, senders.connections)
    shares = [len(range(index, senders.connections, count)) for index in range(count)]
    shifts = [
        Shift(
            target=target,
            arrivals=None,
            connections=share,
            seconds=seconds,
            timeout=senders.timeout,
            cpus=senders.cpus,
        )
        for share in shares
    ]
    return _offer(shifts, progress)


def _offer(shifts: Sequence[Shift], progress: Progress) -> Load:
    context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
    stop = context.RawValue("b", 0)  # raw, without a lock: one process writes it, the others only look
    pipes: list[Any] = []
    boards: list[Any] = []
    processes: list[Any] = []
    interruption: BaseException | None = None
    try:
        # They are told to stop by `stop`, not by Ctrl-C, which every process of a terminal gets.
        with _signals_blocked():
            for shift in shifts:
                ours, theirs = context.Pipe()
                board = context.RawArray("q", 2)
                process = context.Process(target=work, args=(shift, theirs, board, stop), daemon=True)
                process.start()
                # Or its end would stay open here, and a process that is killed would not be an EOFError.
                theirs.close()
                pipes.append(ours)
                boards.append(board)
                processes.append(process)
        for pipe in pipes:
            _received(pipe, STARTING)
        # A little ahead, so that every process knows it before it comes.
        start = time.perf_counter() + 0.05
        for pipe in pipes:
            pipe.send(start)
        try:
            _watch(pipes, boards, start, progress)
        except (KeyboardInterrupt, SystemExit) as error:
            interruption, stop.value = take(error), 1
        return _merge([_received(pipe, None) for pipe in pipes], start, interruption)
    finally:
        for process in processes:
            process.join(1 if interruption is None else 5)
            process.kill()


def _watch(pipes: Sequence[Any], boards: Sequence[Any], start: float, progress: Progress) -> None:
    """Until all have something to say."""
    while not all(pipe.poll() for pipe in pipes):
        time.sleep(0.1)
        progress(time.perf_counter() - start, sum(board[0] for board in boards), sum(board[1] for board in boards))


def _received(pipe: Any, timeout: float | None) -> Any:
    if not pipe.poll(timeout):
        raise UserError(f"the load generator could not connect within {STARTING:.0f} s; is the server overloaded?")
    try:
        said = pipe.recv()
    except EOFError as error:
        raise ServerFault("a process of the load generator was killed") from error
    if isinstance(said, RuntimeError):
        raise UserError(f"the load generator cannot go on: {said}")
    return said


@contextmanager
def _signals_blocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _merge(parts: Sequence[Records], start: float, interruption: BaseException | None) -> Load:
    intended = np.concatenate([np.array(part.intended) for part in parts])
    sent = np.concatenate([np.array(part.sent) for part in parts])
    answered = np.concatenate([np.array(part.answered) for part in parts])
    names = list(dict.fromkeys(name for part in parts for name in part.outcomes))
    outcome = np.concatenate([_renumbered(part, names) for part in parts])
    order = np.argsort(intended, kind="stable")
    if interruption is not None:  # what was under way is neither an answer nor an error
        order = order[outcome[order] != 0]
    totals: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for part in parts:
        for name, (total, count) in part.stages.items():
            totals[name] += total  # type: ignore[assignment]
            counts[name] += count
    return Load(
        intended=intended[order] - start,
        latency=(answered - intended)[order],
        lag=(sent - intended)[order],
        outcome=outcome[order],
        outcomes=names,
        stages={name: total / counts[name] for name, total in totals.items()},
        starved=sum(part.starved for part in parts),
        hopeless=any(part.hopeless for part in parts),
        cpu_seconds=[part.cpu_seconds for part in parts],
        seconds=max(part.seconds for part in parts),
        interruption=interruption,
    )


def _renumbered(part: Records, names: Sequence[str]) -> np.ndarray:
    table = np.array([names.index(name) for name in part.outcomes])
    return table[np.array(part.outcome, dtype=np.int64)]
