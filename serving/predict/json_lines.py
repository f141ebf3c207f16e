"""A file of JSON lines: each an instance (a record, a list of numbers, {"b64": a picture}) or a whole request.

A file that is one list of records has a sample for each of them.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from torchferry.errors import UserError
from torchferry.serving.codec.json_objects import each_once
from torchferry.serving.errors import WrongTensor
from torchferry.serving.predict.sample import Form, Sample

MOST_BYTES = 16 * 2**20
"""Of a file that is one JSON value over several lines; a longer one would not fit into a request."""


def instances(lines: Iterable[str], source: str) -> Iterator[Sample]:
    """A sample for each line that is not empty; its row is the line's number. Raises UserError for what is no JSON."""
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    try:
        begins, first = next(numbered, (1, ""))
        behind = (line for _, line in numbered)
        text = first if _is_json(first) else _whole(chain([first], behind), source)
        if _is_list_of_objects(json.loads(text)):
            yield from _each(json.loads(text, object_pairs_hook=each_once), behind, source)
            return
        for number, line in chain([(begins, text)], numbered):
            yield _sample(source, number, line)
    except UnicodeDecodeError as error:
        raise UserError(f"{source}: cannot be read as JSON lines ({error})") from error
    except WrongTensor as error:  # an object of a list has a name twice, which its sample would not show any more
        raise UserError(f"{source}: {error}") from error


def _is_list_of_objects(value: Any) -> bool:
    """Which is no instance itself: as pandas writes a table, with orient="records"."""
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _each(records: Sequence[Any], behind: Iterator[str], source: str) -> Iterator[Sample]:
    """A sample for each record of a file that is a list of them; its row is its place in the list."""
    if next(behind, None) is not None:
        raise UserError(f"{source}: more follows the list that it begins with; give one list, or a value on each line")
    for number, record in enumerate(records, 1):
        yield _sample(source, number, json.dumps(record))


def _whole(lines: Iterator[str], source: str) -> str:
    """The content of a file that is one value over several lines."""
    text = ""
    for line in lines:
        text += line
        if len(text) > MOST_BYTES:
            break
    if not _is_json(text):
        raise UserError(f"{source}: begins as JSON, and its first line is none; give a JSON value on each line")
    return text


def _sample(source: str, number: int, text: str) -> Sample:
    try:
        value = json.loads(text)
        form = _form(value)
    except (ValueError, RecursionError) as error:
        return Sample(source, number, "wrong", f"is not JSON ({error})".encode())
    if _is_list_of_objects(value):
        return Sample(source, number, "wrong", b"is a list of records; give each of them a line of its own")
    return Sample(source, number, form, text.strip().encode())


def _form(value: Any) -> Form:
    """A request has the list of one; anything else is an instance."""
    asks = isinstance(value, dict) and any(isinstance(value.get(key), list) for key in ("inputs", "instances"))
    return "request" if asks else "instance"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
