"""The file of records, which is its own state: a command that was killed goes on after its last whole record.

Beside FILE lies FILE.about.json: which model was asked, how, and about which inputs. It is written first, and a command
that asks otherwise is refused.
"""

import csv
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO

from torchferry.csv_reader import csv_reader
from torchferry.errors import UserError
from torchferry.files import write_whole
from torchferry.serving.predict.records import one_line
from torchferry.serving.predict.sample import Sample

SCHEMA = "torchferry.predictions/1"
TEXT = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
"""Names of files need not be UTF-8."""


def files_of(path: Path) -> tuple[Path, Path]:
    """The file of records, and the one beside it."""
    return path, path.with_name(f"{path.name}.about.json")


class OutputFile:
    def __init__(self, path: Path, format_: str, about: Mapping[str, Any]) -> None:
        """`about`: what has to be the same when it goes on. Raises UserError for a file that was begun otherwise, is of
        something else, or is being written by another process."""
        self.format = format_
        self.path, self.about_path = files_of(path)
        existed = path.exists() and path.stat().st_size > 0
        self.file = self._locked()
        try:
            self._begin({"schema": SCHEMA, "format": format_, **about}, existed)
            failed = [0, 0]
            for _, _, has_failed in self._recorded():
                failed[has_failed] += 1
        except BaseException:
            self.file.close()
            raise
        self.done, self.unanswered = sum(failed), failed[True]
        """Samples whose records are there, and those of them that have an error."""

    def close(self) -> None:
        """Where no record was written, nothing is left."""
        if self.file.closed:
            return
        self.file.flush()
        if self.is_new:
            self.path.unlink(missing_ok=True)
            self.about_path.unlink(missing_ok=True)
        self.file.close()

    @property
    def is_new(self) -> bool:
        """Whether its head is still to be written."""
        return os.fstat(self.file.fileno()).st_size == 0

    def columns(self) -> tuple[str, ...]:
        """Those of a CSV that is there, between row and error."""
        with self.path.open(**TEXT) as file:  # type: ignore[call-overload]
            return tuple(next(csv_reader(file)))[2:-1]

    def append(self, text: str) -> None:
        """In memory for a moment; what a kill takes away is written by the next command."""
        self.file.write(text.encode(TEXT["encoding"], TEXT["errors"]))

    def checked(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """The same samples, once those that have a record are the same as in it. Raises UserError."""
        recorded = islice(self._recorded(), self.done)  # what is appended meanwhile is not for it
        for number, sample in enumerate(samples, 1):
            if (there := next(recorded, None)) is not None:
                source, row, _ = there
                if (source, row) != (self._written(sample.source), sample.row):
                    place = Sample(source, row, "file").place
                    raise self._other(f"its record {number:,} is of {place}, where the inputs now have {sample.place}")
            yield sample
        if next(recorded, None) is not None:
            raise self._other("it has more records than the inputs have samples")

    def _locked(self) -> BinaryIO:
        try:
            file = self.path.open("ab")
        except OSError as error:
            raise UserError(f"--output: {self.path} cannot be written ({error.strerror})") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise UserError(f"{self.path}: another predict is writing it") from error
        return file

    def _begin(self, about: Mapping[str, Any], existed: bool) -> None:
        if existed:
            self._check(about)
            self._cut_torn_line()
        else:
            write_whole(self.about_path, json.dumps(about, indent=2) + "\n")

    def _written(self, source: str) -> str:
        return one_line(source) if self.format == "csv" else source

    def _recorded(self) -> Iterator[tuple[str, int | None, bool]]:
        """Source, row, and whether there is an error, of each record."""
        with self.path.open(**TEXT) as file:  # type: ignore[call-overload]
            try:
                yield from _of_csv(file) if self.format == "csv" else map(_of_json, file)
            except (ValueError, KeyError, IndexError, csv.Error) as error:
                raise self._other(f"it holds what is no record ({error})") from error

    def _check(self, content: Mapping[str, Any]) -> None:
        try:
            begun = json.loads(self.about_path.read_text())
        except (OSError, ValueError) as error:
            raise UserError(
                f"--output: {self.path} exists, and no {self.about_path.name} beside it says that predict has begun "
                "it; give another name"
            ) from error
        if different := [key for key in content if begun.get(key) != content[key]]:
            key = different[0]
            raise self._other(f"it was begun with {key} {begun.get(key)}, and this is {key} {content[key]}")

    def _other(self, why: str) -> UserError:
        return UserError(f"--output: {self.path} cannot go on: {why}; give another name, or remove it")

    def _cut_torn_line(self) -> None:
        """A process that was killed may have left half a record."""
        with self.path.open("r+b") as file:
            file.truncate(_end_of_last_line(file))


def _end_of_last_line(file: IO[bytes]) -> int:
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 2**16)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _of_csv(file: IO[str]) -> Iterator[tuple[str, int | None, bool]]:
    rows = csv_reader(file, strict=True)
    next(rows, None)
    for row in rows:
        yield row[0], int(row[1]) if row[1] else None, bool(row[-1])


def _of_json(line: str) -> tuple[str, int | None, bool]:
    record = json.loads(line)
    return record["source"], record["row"], "error" in record
