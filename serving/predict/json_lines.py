"""A file of JSON lines: each an instance (a record, a list of numbers, {"b64": a picture}) or a whole request."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from torchferry.errors import UserError
from torchferry.serving.predict.sample import Form, Sample

MOST_BYTES = 16 * 2**20
"""Of a file that is one JSON value over several lines; a longer one would not fit into a request."""


def instances(lines: Iterable[str], source: str) -> Iterator[Sample]:
    """A sample for each line that is not empty; its row is the line's number. Raises UserError for what is no JSON."""
    given = iter(lines)
    try:
        first = next(given, "")
        if _is_json(first):
            for number, line in enumerate(chain([first], given), 1):
                if line.strip():
                    yield _sample(source, number, line)
        else:
            yield _whole(chain([first], given), source)
    except UnicodeDecodeError as error:
        raise UserError(f"{source}: cannot be read as JSON lines ({error})") from error


def _whole(lines: Iterator[str], source: str) -> Sample:
    """The only sample of a file that is one value over several lines."""
    text = ""
    for line in lines:
        text += line
        if len(text) > MOST_BYTES:
            break
    if not _is_json(text):
        raise UserError(f"{source}: begins as JSON, and its first line is none; give a JSON value on each line")
    return _sample(source, 1, text)


def _sample(source: str, number: int, text: str) -> Sample:
    try:
        form = _form(json.loads(text))
    except (ValueError, RecursionError) as error:
        return Sample(source, number, "wrong", f"is not JSON ({error})".encode())
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
