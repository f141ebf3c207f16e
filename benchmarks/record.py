"""One JSON file for one benchmark: the machine, what was asked, and every figure."""

import argparse
import json
import sys
from pathlib import Path

from benchmarks import host


def write(verb: str, options: argparse.Namespace, results: object) -> None:
    """To `--output`, if there is one."""
    if options.output:
        content = {
            "benchmark": verb,
            "command": sys.argv[1:],
            "machine": host.describe(),
            "arguments": vars(options),
            "results": results,
        }
        options.output.write_text(json.dumps(content, indent=2, default=_text) + "\n")


def _text(value: object) -> str:
    assert isinstance(value, Path)
    return str(value)
