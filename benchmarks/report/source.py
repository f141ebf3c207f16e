"""The inputs of a report, read and checked: run folders, bundles and result files."""

import binascii
import csv
import json
import re
import struct
import zlib
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException

from torchferry import run_folder
from torchferry.benchmarks import record
from torchferry.benchmarks.record import Figure
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle

PICTURE = run_folder.PREDICTIONS
# What a file raises whose JSON is not what the verb in it writes.
MALFORMED = (
    *(ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError),
    *(binascii.Error, csv.Error, struct.error, zlib.error),
    *(HdrCookieException, HdrHistogramSettingsException, HdrLengthException),
)
PASSWORD = re.compile(r"(?<=://)[^\s/]+(?=@)")


@dataclass(frozen=True, kw_only=True)
class Run:
    path: Path
    train: list[dict[str, Any]]
    """Lines of metrics.jsonl, by step."""
    test: list[dict[str, Any]]
    """Its evaluations, on a validation part if it has one."""
    config: str
    predictions: bytes | None
    """The picture of some, a PNG."""
    tested: dict[str, Any] | None = None
    """The one evaluation on the test set, where the others were on a validation part."""

    @property
    def split(self) -> str:
        return "test" if self.tested is None else "validation"


@dataclass(frozen=True, kw_only=True)
class Result:
    path: Path
    verb: str
    content: dict[str, Any]
    figures: dict[str, Figure]


@dataclass(frozen=True, kw_only=True)
class Sources:
    runs: list[Run] = field(default_factory=list)
    bundles: list[Bundle] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)


def read(paths: Sequence[Path]) -> Sources:
    """Each once, however often it is given; a run includes its bundle. Raises UserError for what is none of these."""
    found, once = Sources(), dict[Path, Path]()
    for path in paths:
        try:
            once.setdefault(path.resolve(), path)
        except (OSError, RuntimeError) as error:  # the latter for a link to itself
            raise UserError(f"{path}: cannot be read ({error})") from error
    for path in once.values():
        try:
            _add(path, found, once)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    return found


def _add(path: Path, found: Sources, once: Container[Path]) -> None:
    if path.is_dir() and (path / "model.json").exists():
        found.bundles.append(bundles.load(path))
    elif path.is_dir():
        found.runs.append(_run(path))
        inside = path / "bundle"
        if (inside / "model.json").exists() and inside.resolve() not in once:
            found.bundles.append(bundles.load(inside))
    elif path.exists():
        content, figures = record.read(path)
        found.results.append(Result(path=path, verb=str(content["benchmark"]), content=content, figures=figures))
    else:
        raise UserError(f"{path}: does not exist; give run folders, bundles and files written with --output")


@contextmanager
def blamed(path: Path) -> Iterator[None]:
    """What goes wrong within is the file's fault, and said in one line."""
    try:
        yield
    except MALFORMED as error:
        says = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise UserError(f"{path}: is not as this version of torchferry writes it ({says}); measure again") from error


def without_passwords(text: str) -> str:
    """The text with `user:password` left out of its addresses: a report is made to be shown."""
    return PASSWORD.sub("…", text)


def _run(path: Path) -> Run:
    if not (path / run_folder.METRICS).is_file():
        raise UserError(f"{path}: is neither a run folder (no metrics.jsonl) nor a bundle (no model.json)")
    if not (path / run_folder.MODEL / run_folder.CARD).is_file():
        raise UserError(f"{path}: is a run that has not finished; start it again, and it goes on where it stood")
    try:
        metrics = (path / run_folder.METRICS).read_text(encoding="utf-8")
        config = (path / run_folder.CONFIG).read_text(encoding="utf-8")
        predictions = (path / PICTURE).read_bytes() if (path / PICTURE).is_file() else None
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: metrics.jsonl or config.yaml is not text ({error.reason})") from error
    with blamed(path / run_folder.METRICS):
        lines = [json.loads(line) for line in metrics.splitlines()]
        train, tests, validations = (_of(lines, kind) for kind in ("train", "test", "validation"))
        return Run(
            path=path,
            train=train,
            test=validations or tests,
            tested=tests[-1] if validations and tests else None,
            config=config,
            predictions=predictions,
        )


def _of(lines: Sequence[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """By step, each once: a run that went on from a checkpoint may say a step again."""
    by_step = {int(line["step"]): line for line in lines if line["kind"] == kind}
    return [by_step[step] for step in sorted(by_step)]
