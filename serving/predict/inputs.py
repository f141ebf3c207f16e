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

from torchferry.contract.image_formats import HEAD, is_picture
from torchferry.errors import UserError
from torchferry.serving.predict.arrays import HEADS, array_rows
from torchferry.serving.predict.json_lines import instances
from torchferry.serving.predict.pictures import LeftOut, files_of_folder, is_named_so, pictures_below
from torchferry.serving.predict.rows import rows
from torchferry.serving.predict.sample import Sample

STANDARD_INPUT = "-"
Kind = Literal["picture", "arrays", "json", "rows"]


class Inputs:
    def __init__(
        self,
        given: Sequence[str],
        say: Callable[[str], None],
        stdin: IO[bytes] | None = None,
        written: Collection[Path] = (),
        takes_pictures: bool | None = None,
    ) -> None:
        """Raises UserError for what is not there, before any sample is made.

        `takes_pictures`: whether the model does, where that is known: then no text is taken for rows, and else no
        folder is searched for pictures.

        `say` is told what had to be assumed. The files of a glob are sorted; their names are in memory, those of a
        folder one folder at a time. A glob does not mean what is `written` meanwhile.
        """
        if takes_pictures is False and (folder := next(filter(os.path.isdir, given), None)):
            raise UserError(f"{folder}: is a folder, and the model takes no pictures; give files, such as '{folder}/*'")
        self.takes_pictures = takes_pictures
        own = frozenset(map(os.path.abspath, written))
        self.paths = [path for text in given for path in _expanded(text, own)]
        self.say, self.stdin = say, stdin or sys.stdin.buffer
        self.left_out = LeftOut()

    def __iter__(self) -> Iterator[Sample]:
        """Lazily, and in the same order each time. Raises UserError for a file that is not what it begins as."""
        self.left_out = LeftOut()
        for path in self.paths:
            if path == STANDARD_INPUT:
                yield from self._from_stream(self.stdin, STANDARD_INPUT)
            elif os.path.isdir(path):
                yield from (Sample(found, None, "file") for found in pictures_below(path, self.left_out))
            elif os.path.isfile(path):
                yield from self._from_file(path)
            else:  # a pipe, which can be read once
                with open(path, "rb") as stream:
                    yield from self._from_stream(stream, path)

    def estimate(self) -> int:
        """About how many samples there are: files, and lines of tables. 0 where a pipe is among them."""
        return sum(map(_about, self.paths)) if all(map(os.path.exists, self.paths)) else 0

    def _from_file(self, path: str) -> Iterator[Sample]:
        kind = self._kind(_head(path), path)
        if kind == "picture":
            yield Sample(path, None, "file")
        elif kind == "arrays":
            yield from array_rows(Path(path), path)
        else:
            with open(path, encoding="utf-8-sig", newline="") as lines:
                yield from self._from_lines(lines, kind, path)

    def _from_stream(self, given: IO[bytes], source: str) -> Iterator[Sample]:
        stream = given if isinstance(given, io.BufferedReader) else io.BufferedReader(given)  # type: ignore[type-var]
        kind = self._kind(stream.peek(HEAD)[:HEAD])
        if kind == "picture":
            yield Sample(source, None, "file", stream.read())
        elif kind == "arrays":
            with _on_disk(stream) as path:
                yield from array_rows(path, source)
        else:
            lines = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            yield from self._from_lines(lines, kind, source)

    def _kind(self, head: bytes, path: str = "") -> Kind:
        """What is text may be a picture that is none, which its answer says."""
        kind = _kind(head, path)
        return "picture" if kind == "rows" and self.takes_pictures else kind

    def _from_lines(self, lines: Iterable[str], kind: Kind, source: str) -> Iterator[Sample]:
        return instances(lines, source) if kind == "json" else rows(lines, source, self.say)


def _kind(head: bytes, path: str = "") -> Kind:
    """By the first bytes, or a picture's ending; what is nothing else is taken for lines of values."""
    if is_picture(head) or is_named_so(path):
        return "picture"
    if head.startswith(HEADS):
        return "arrays"
    return "json" if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[") else "rows"


def _expanded(text: str, own: Collection[str]) -> list[str]:
    """The paths that are meant; a shell has expanded a glob already, unless it was quoted."""
    if text != STANDARD_INPUT and not os.path.exists(text) and any(sign in text for sign in "*?["):
        found = sorted(path for path in iglob(text, recursive=True) if os.path.abspath(path) not in own)
        if not found:
            raise UserError(f"{text}: no file has such a name")
        return [path for found_path in found for path in _expanded(found_path, own)]
    if os.path.isdir(text):
        next(pictures_below(text, LeftOut()))
    elif text != STANDARD_INPUT and (os.path.isfile(text) or not os.path.exists(text)):
        _head(text)
    return [text]


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(HEAD)
    except OSError as error:
        way = "give picture files, folders of them, tables, JSON lines, arrays, or - for the standard input"
        raise UserError(f"{path}: cannot be read ({error.strerror}); {way}") from error


def _about(path: str) -> int:
    if os.path.isdir(path):
        return files_of_folder(path)
    if not os.path.isfile(path) or _kind(_head(path), path) not in ("rows", "json"):
        return 1
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))


@contextmanager
def _on_disk(stream: IO[bytes]) -> Iterator[Path]:
    """NumPy goes back and forth in its files."""
    with tempfile.NamedTemporaryFile() as file:
        while block := stream.read(2**20):
            file.write(block)
        file.flush()
        yield Path(file.name)
