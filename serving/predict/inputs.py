"""Reads samples from what the command line names: files by their content, folders, globs, the standard input."""

import io
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from glob import iglob
from pathlib import Path
from typing import IO, Literal

from torchferry.contract.image_formats import HEAD
from torchferry.errors import UserError
from torchferry.serving.codec.text_bodies import TEXT
from torchferry.serving.predict.arrays import HEADS, array_rows
from torchferry.serving.predict.json_lines import instances
from torchferry.serving.predict.rows import rows
from torchferry.serving.predict.sample import Sample
from torchferry.serving.predict.sample_files import (
    Kind,
    LeftOut,
    files_of_folder,
    kind_by_head,
    kind_by_name,
    samples_below,
)
from torchferry.serving.predict.texts import lines_of, text_of, texts_of_table

STANDARD_INPUT, GLOB = "-", "*?["
Content = Literal["file", "text", "arrays", "json", "rows"]
TABLES, JSON_LINES = (".csv", ".tsv"), (".jsonl", ".json", ".ndjson")


class Inputs:
    def __init__(
        self,
        given: Sequence[str],
        say: Callable[[str], None],
        stdin: IO[bytes] | None = None,
        written: Collection[Path] = (),
        takes: Kind | None = None,
        text_column: str = TEXT,
    ) -> None:
        """Raises UserError for what is not there, before any sample is made.

        `takes`: of which kind the model's samples are, where that is known: then a folder is searched for these, and
        what looks like rows is a sample of this kind. `text_column`: of a table, the one that holds the texts.

        `say` is told what had to be assumed. The files of a glob are sorted; their names are in memory, those of a
        folder one folder at a time. A glob does not mean what is `written` meanwhile.
        """
        if takes == "" and (folder := next(filter(os.path.isdir, given), None)):
            raise UserError(f"{folder}: is a folder, and the model takes no pictures; give files, such as '{folder}/*'")
        self.takes, self.text_column = takes, text_column
        self.of_folder: Kind = takes or "image"
        own = frozenset(map(os.path.abspath, written))
        self.paths = [path for text in given for path in _expanded(text, own, self.of_folder)]
        self.say, self.stdin = say, stdin or sys.stdin.buffer
        self.left_out = LeftOut()

    def __iter__(self) -> Iterator[Sample]:
        """Lazily, and in the same order each time. Raises UserError for a file that is not what it begins as."""
        self.left_out = LeftOut()
        for path in self.paths:
            if path == STANDARD_INPUT:
                yield from self._from_stream(self.stdin, STANDARD_INPUT)
            elif os.path.isdir(path):
                for found in samples_below(path, self.of_folder, self.left_out):
                    yield from self._from_file(found) if self.of_folder == "text" else [Sample(found, None, "file")]
            elif os.path.isfile(path):
                yield from self._from_file(path)
            else:  # a pipe, which can be read once
                with open(path, "rb") as stream:
                    yield from self._from_stream(stream, path)

    def estimate(self) -> int:
        """About how many samples there are: files, and lines of tables. 0 where a pipe is among them."""
        return sum(map(self._about, self.paths)) if all(map(os.path.exists, self.paths)) else 0

    def _about(self, path: str) -> int:
        if os.path.isdir(path):
            return files_of_folder(path)
        if not os.path.isfile(path) or self._content(_head(path), path) not in ("rows", "json"):
            return 1
        with open(path, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))

    def _from_file(self, path: str) -> Iterator[Sample]:
        content = self._content(_head(path), path)
        if content == "file":
            yield Sample(path, None, "file")
        elif content == "text":
            yield text_of(Path(path).read_bytes(), path)
        elif content == "arrays":
            yield from array_rows(Path(path), path)
        else:
            with open(path, encoding="utf-8-sig", newline="") as lines:
                yield from self._from_lines(lines, content, path)

    def _from_stream(self, given: IO[bytes], source: str) -> Iterator[Sample]:
        stream = given if isinstance(given, io.BufferedReader) else io.BufferedReader(given)  # type: ignore[type-var]
        content = self._content(stream.peek(HEAD)[:HEAD])
        if content == "file":
            yield Sample(source, None, "file", stream.read())
        elif content == "arrays":
            with _on_disk(stream) as path:
                yield from array_rows(path, source)
        else:
            lines = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            yield from self._from_lines(lines, content, source)

    def _content(self, head: bytes, path: str = "") -> Content:
        """By the first bytes, or the name. What looks like rows may be a damaged file, which its answer says, or a
        text."""
        if kind_by_head(head) or kind_by_name(path) in ("image", "audio"):
            return "file"
        if head.startswith(HEADS):
            return "arrays"
        begins_json = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
        if self.takes == "text":
            return _content_of_text(path.lower(), begins_json)
        if begins_json:
            return "json"
        return "file" if self.takes in ("image", "audio") else "rows"

    def _from_lines(self, lines: Iterable[str], content: Content, source: str) -> Iterator[Sample]:
        if content == "json":
            return instances(lines, source)
        if content == "text":
            return lines_of(lines, source, self.say)
        if self.takes == "text":
            return texts_of_table(lines, source, self.text_column)
        return rows(lines, source, self.say)


def check_there(given: Iterable[str]) -> None:
    """Raises UserError for what is neither there nor a glob: before a server is asked what its model takes."""
    for text in given:
        if text != STANDARD_INPUT and not os.path.exists(text) and not any(sign in text for sign in GLOB):
            _head(text)


def _content_of_text(path: str, begins_json: bool) -> Content:
    """Of a file, by its name, or of a stream."""
    if path.endswith(TABLES):
        return "rows"
    return "json" if path.endswith(JSON_LINES) or (begins_json and not path) else "text"


def _expanded(text: str, own: Collection[str], of_folder: Kind) -> list[str]:
    """The paths that are meant; a shell has expanded a glob already, unless it was quoted."""
    if text != STANDARD_INPUT and not os.path.exists(text) and any(sign in text for sign in GLOB):
        found = sorted(path for path in iglob(text, recursive=True) if os.path.abspath(path) not in own)
        if not found:
            raise UserError(f"{text}: no file has such a name")
        return [path for found_path in found for path in _expanded(found_path, own, of_folder)]
    if os.path.isdir(text):
        next(samples_below(text, of_folder, LeftOut()))
    elif text != STANDARD_INPUT and (os.path.isfile(text) or not os.path.exists(text)):
        _head(text)
    return [text]


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(HEAD)
    except OSError as error:
        way = "give pictures, sounds, texts, folders of them, tables, JSON lines, arrays, or - for the standard input"
        raise UserError(f"{path}: cannot be read ({error.strerror}); {way}") from error


@contextmanager
def _on_disk(stream: IO[bytes]) -> Iterator[Path]:
    """NumPy goes back and forth in its files."""
    with tempfile.NamedTemporaryFile() as file:
        while block := stream.read(2**20):
            file.write(block)
        file.flush()
        yield Path(file.name)
