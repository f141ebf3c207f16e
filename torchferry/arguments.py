"""Command lines: argparse, with mistakes in one line like every other wrong input."""

import argparse
import math
import os
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from torchferry.errors import UserError

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2


def parse_header(text: str) -> tuple[str, str]:
    """Name and value of what --header was given, `Name: value`. Raises UserError."""
    name, colon, value = text.partition(":")
    name, value = name.strip(" \t"), value.strip(" \t")
    if not colon or not TOKEN.fullmatch(name):
        raise UserError(f"--header: {text!a} is not 'Name: value', the name being of letters, digits and -")
    if not (value.isascii() and value.isprintable()):
        raise UserError(f"--header: the value of {name} is {value!a}; give printable ASCII")
    return name, value


class Parser(argparse.ArgumentParser):
    completing = False

    def error(self, message: str) -> NoReturn:
        self._complete()
        raise UserError(f"{message}; {self.prog} --help says more")

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        self._complete()
        return super().parse_args(args, namespace)

    def _complete(self) -> None:
        """Where a shell asks for completion, this parser has the answer, and the process ends."""
        if "_ARGCOMPLETE" in os.environ and not self.completing:
            import argcomplete

            self.completing = True  # it parses the line so far, which may be wrong
            argcomplete.autocomplete(self)


def finite(text: str) -> float:
    """An argument's type: a number that is neither NaN nor infinite."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return value


def count(text: str) -> int:
    """An argument's type: a whole number above 0."""
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def words(text: str) -> tuple[str, ...]:
    """Between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
