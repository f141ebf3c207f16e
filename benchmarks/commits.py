"""Two commits of this repository, measured in turn: the benchmark itself, or the server that each of them starts."""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from torchferry.benchmarks import record
from torchferry.benchmarks.interruption import end_as
from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.rounds import alternate, column
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.ready import addresses
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.benchmarks.verdict import LEAST
from torchferry.errors import ServerFault, UserError

PLACES = ("{rest}", "{grpc}", "{metrics}")  # in the verb's words, for the addresses of the server


def measure(
    options: argparse.Namespace, verb: Sequence[str]
) -> tuple[dict[str, Figure], dict[str, Figure], int | None]:
    """The figures of `options.old` and `options.new`, one value for each finished round, and the exit code of the
    signal if one ended them early. Raises UserError."""
    if not verb:
        raise UserError("--commits: nothing to measure; give the verb and its options after --")
    if options.serve and not any(place in word for place in PLACES for word in verb):
        raise UserError(f"--serve: the words after -- name no address; write one of {', '.join(PLACES)} there")
    options.scratch.mkdir(parents=True, exist_ok=True)
    with _checked_out(options.old) as old, _checked_out(options.new) as new:
        better: dict[str, str] = {}
        measures = {
            "old": partial(_round, old, options.serve, verb, better),
            "new": partial(_round, new, options.serve, verb, better),
        }
        rounds = alternate(measures, options.rounds, title=verb[0], scratch=options.scratch)
    if rounds.finished < LEAST:
        end_as(rounds.interrupted)
    if rounds.interrupted is not None:
        print(f"PARTIAL, {rounds.finished} of {options.rounds} rounds were finished")
    names = [name for name in better if all(name in result for results in rounds.of.values() for result in results)]
    old_figures, new_figures = (
        {name: Figure(better=better[name], values=column(rounds.of[which], name)) for name in names}  # type: ignore[arg-type]
        for which in ("old", "new")
    )
    return old_figures, new_figures, rounds.interrupted


def _round(
    checkout: Path, serve: str | None, verb: Sequence[str], better: dict[str, str], folder: Path
) -> Mapping[str, float]:
    output = folder / "result.json"
    if serve is None:
        # By the names that every commit has.
        _run(["-m", "benchmarks", *verb, "--output", str(output)], checkout)
    else:
        with _served(checkout, shlex.split(serve), folder) as addresses:
            words = [_filled(word, addresses) for word in verb]
            # The ruler is the same for both: this checkout's load generator.
            _run(["-m", "torchferry", "bench", *words, "--output", str(output)], None)
    _, figures = record.read(output)
    better |= {name: figure.better for name, figure in figures.items()}
    if not figures:
        raise UserError(f"{verb[0]} gave nothing to compare; was it void?")
    return {name: median(figure.values) for name, figure in figures.items() if figure.values}


def _filled(word: str, addresses: Mapping[str, str]) -> str:
    for place in PLACES:
        word = word.replace(place, addresses[place.strip("{}")])
    return word


def _run(words: Sequence[str], checkout: Path | None) -> None:
    # Ctrl-C reaches this process alone, which then lets the other end what it has started.
    command, environment = [sys.executable, *words], _environment(checkout)
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True) as running:
        try:
            code = running.wait()
        except BaseException:
            running.terminate()
            raise
    if code:
        raise ServerFault(f"python {shlex.join(words[:3])} ... ended with exit code {code}")


@contextmanager
def _served(checkout: Path, options: Sequence[str], folder: Path) -> Iterator[dict[str, str]]:
    """The addresses of the server that the commit starts, on free ports."""
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "serving", "up", *options, "--ready-file", str(ready)]
    for port in ("--port", "--grpc-port", "--metrics-port"):
        command += [port, "0"]
    try:
        with process(command, folder / "server.log", environment=_environment(checkout)) as server:
            yield server.until(lambda: addresses(ready))
    except Unavailable as error:
        raise UserError(f"--serve: the server {error}") from error


@contextmanager
def _checked_out(commit: str) -> Iterator[Path]:
    """A working tree of the commit, removed at the end."""
    named = _git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    if named.returncode:
        raise UserError(f"{commit}: is no commit of this repository")
    with tempfile.TemporaryDirectory(prefix="commit-") as folder:
        tree = Path(folder) / "tree"
        made = _git("worktree", "add", "--detach", str(tree), named.stdout.strip())
        if made.returncode:
            raise UserError(f"{commit}: cannot be checked out ({made.stderr.strip().splitlines()[-1]})")
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True)


def _environment(checkout: Path | None) -> dict[str, str]:
    """So that Python takes our packages from there, while relative paths mean what they mean here."""
    if checkout is None:
        return dict(os.environ)
    before = os.environ.get("PYTHONPATH")
    return os.environ | {
        "PYTHONSAFEPATH": "1",
        "PYTHONPATH": f"{checkout}{os.pathsep}{before}" if before else str(checkout),
    }
