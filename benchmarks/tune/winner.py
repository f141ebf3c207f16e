"""The file that a server reads with `--settings`: how it is to serve, and what that was found to be worth."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from torchferry.benchmarks.tune.point import Point
from torchferry.benchmarks.whole_file import write_whole
from torchferry.errors import UserError

MADE_BY = "# Written by torchferry bench tune"


def settings_text(runtime: str, point: Point, gateway: str) -> str:
    """The tables, as TOML. `gateway`: what stands before TorchServe."""
    if runtime == "onnx":
        return (
            "[up]\n"
            f'variant = "{point.variant}"\n'
            f"sessions = {point.workers}\n"
            f"threads = {point.threads}\n"
            f"max_batch = {point.batch}\n"
            f"max_delay_ms = {point.delay_ms}\n"
        )
    waits = f"batch_delay_ms = {point.delay_ms:.0f}\n" if point.batch > 1 else ""
    return (
        "[archive]\n"
        f'variants = "{point.variant}"\n'
        f"workers = {point.workers}\n"
        f"batch_size = {point.batch}\n"
        f"{waits}\n"
        "[up]\n"
        f"threads = {point.threads}\n"
        f'gateway = "{gateway}"\n'
    )


def check_settings(path: Path) -> None:
    """Raise UserError for a place that cannot be written, or is somebody else's."""
    try:
        if not path.parent.is_dir():
            raise UserError(f"--settings-output: {path.parent} is not a folder; make it first")
        if path.exists() and not (path.is_file() and path.read_bytes().startswith(MADE_BY.encode())):
            raise UserError(f"--settings-output: {path} exists and was not written by this; give another name")
        if not os.access(path.parent, os.W_OK):
            raise UserError(f"--settings-output: {path} cannot be written; give another place")
    except OSError as error:
        raise UserError(f"--settings-output: {path} cannot be written ({error.strerror})") from error


def write_settings(path: Path, runtime: str, tables: str, bundle: Path, about: Sequence[str]) -> None:
    """Raises UserError."""
    given, settings = shlex.quote(str(bundle)), shlex.quote(str(path))
    if runtime == "onnx":
        commands = [f"torchferry up --runtime onnx {given} --settings {settings}"]
    else:
        commands = [
            f"torchferry archive {given} --settings {settings} -o STORE",
            f"torchferry up --runtime torchserve STORE --settings {settings}",
        ]
    lines = [MADE_BY + ", for", *(f"#     {command}" for command in commands), *(f"# {line}" for line in about)]
    write_whole(path, "\n".join(lines) + "\n\n" + tables, "--settings-output")
