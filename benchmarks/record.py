"""One JSON file for one benchmark: the machine, what was asked, every result, and the figures that `compare` reads."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from torchferry.benchmarks import host
from torchferry.benchmarks.whole_file import write_whole
from torchferry.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A quantity and its value in each round, repeat or window of time."""

    better: Literal["lower", "higher"]
    values: list[float]


def check(options: argparse.Namespace) -> None:
    """Raise UserError for an `--output` that cannot be written, before anything is measured."""
    if options.output and not options.output.parent.is_dir():
        raise UserError(f"--output: {options.output.parent} is not a folder; make it first")
    if options.output and options.output.is_dir():
        raise UserError(f"--output: {options.output} is a folder; give a file in it")
    if options.output and not os.access(options.output if options.output.exists() else options.output.parent, os.W_OK):
        raise UserError(f"--output: {options.output} cannot be written; give another place")


def write(verb: str, options: argparse.Namespace, results: object, figures: Mapping[str, Figure]) -> None:
    """To `--output`, if there is one. Raises UserError if it cannot be written."""
    if options.output:
        content = {
            "benchmark": verb,
            "command": sys.argv[1:],
            "machine": host.describe(),
            "arguments": vars(options),
            "results": results,
            "figures": {name: asdict(figure) for name, figure in figures.items()},
        }
        write_whole(options.output, json.dumps(content, indent=2, default=_text) + "\n", "--output")


def read(path: Path) -> tuple[dict[str, Any], dict[str, Figure]]:
    """The whole content, and the figures in it. Raises UserError for a file that `write` did not write."""
    try:
        content = json.loads(path.read_text())
        figures = {
            str(name): Figure(better=given["better"], values=[float(value) for value in given["values"]])
            for name, given in content["figures"].items()
        }
        return {"benchmark": content["benchmark"], **content}, figures
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: is no result that `torchferry bench` wrote with --output") from error


def _text(value: object) -> str:
    assert isinstance(value, Path)
    return str(value)
