"""Command lines: argparse, with mistakes in one line like every other wrong input."""

import argparse
import math
from typing import NoReturn

from serving.errors import UserError


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; {self.prog} --help says more")


def finite(text: str) -> float:
    """An argument's type: a number that is neither NaN nor infinite."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return value
