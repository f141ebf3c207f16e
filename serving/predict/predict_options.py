"""The command line of `torchferry predict`, and what each of its two ways to ask is told."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torchferry.arguments import Parser, finite, parse_header
from torchferry.errors import UserError
from torchferry.nearest import did_you_mean, nearest
from torchferry.serving.bundle.signature import add_trust
from torchferry.serving.cpu import cores
from torchferry.serving.predict.records import FORMATS

PURPOSE = """Ask a server about samples, or with --bundle a bundle without one. A sample is a picture, a sound, a text,
a row of a table, a line of JSON, or a place in an array; files are known by their content. A sample without an answer
has its error in its record, and the exit code is then 2, or 1 if the server failed at it. With --output the same
command goes on where it was interrupted. With --format png the answers are pictures in a folder: masks, or the picture
with its boxes."""
FORM = re.compile(r"[a-z0-9]+")
LIKE = 0.8
"""How alike a word is to a format of records to be a misspelling of it, and no form of a task."""
OF_A_SERVER: dict[str, Any] = {
    "model": None,
    "host": "127.0.0.1",
    "port": 8080,
    "grpc": False,
    "grpc_port": 7070,
    "header": (),
    "tls": False,
    "ca": None,
    "connections": 8,
    "timeout": 30.0,
}
OF_A_BUNDLE: dict[str, Any] = {"variant": "", "processes": 0, "require_signature": None}


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Raises UserError, also for options that mean nothing together."""
    parser = Parser(prog="torchferry predict", description=PURPOSE, argument_default=argparse.SUPPRESS)
    what = (
        "a picture, a sound, a text, a folder of them, a table (CSV, TSV), JSON lines, .npy, .npz, a glob, or - for "
        "the standard input, of which each line is a text where the model takes texts"
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help=what)
    parser.add_argument(
        "--text-column",
        metavar="NAME",
        help="of a table, the column with the texts (default text); says of a TorchServe that the model takes texts",
    )
    _add_server(parser.add_argument_group("with a server"))
    _add_bundle(parser.add_argument_group("without one"))
    _add_output(parser.add_argument_group("what is written"))
    options = parser.parse_args(arguments)
    _check_together(options)
    defaults = {
        "bundle": None,
        "output": None,
        "format": None,
        "top_k": None,
        "text_column": "",
        **OF_A_SERVER,
        **OF_A_BUNDLE,
    }
    for name, default in defaults.items():
        setattr(options, name, getattr(options, name, default))
    _check_values(options)
    options.form = "" if options.format in (None, *FORMATS) else options.format
    if options.form:
        _check_form(options)
    options.headers = dict(map(parse_header, options.header))
    options.format = options.format or (_format_of(options.output) if options.output else None)
    options.processes = options.processes or cores()
    return options


def _add_server(group: Any) -> None:
    group.add_argument("--model", help="a model of the server, such as digits-onnx-fp32")
    group.add_argument("--host", help="the server's, or unix:PATH for a socket (default 127.0.0.1)")
    group.add_argument("--port", type=int, help="its REST port (default 8080)")
    group.add_argument("--grpc", action="store_true", help="send over gRPC instead of REST")
    group.add_argument("--grpc-port", type=int, help="its gRPC port (default 7070)")
    group.add_argument("--header", action="append", help="'Name: value' to send with every request; may be repeated")
    group.add_argument("--tls", action="store_true", help="send over TLS")
    group.add_argument("--ca", type=Path, help="certificate of the authority behind its TLS (PEM), which --tls implies")
    group.add_argument("--connections", type=int, help="requests under way at a time (default 8)")
    group.add_argument("--timeout", type=finite, help="seconds to wait for an answer (default 30)")


def _add_bundle(group: Any) -> None:
    group.add_argument("--bundle", type=Path, help="the folder of a bundle, to be asked here")
    group.add_argument("--variant", help="one of its accepted variants (default the one that a server would choose)")
    group.add_argument("--processes", type=int, help="that compute (default one for each core)")
    add_trust(group)


def _add_output(group: Any) -> None:
    group.add_argument(
        "--output", "-o", type=Path, help="file for the records: .csv, .jsonl; a folder for --format png"
    )
    help_ = "csv or jsonl, where no file's name says it; png, or another form of the task's, for a file of each answer"
    group.add_argument("--format", help=help_)
    group.add_argument("--top-k", type=int, help="so many best labels in each record (default the best one)")


def _check_together(options: argparse.Namespace) -> None:
    given = vars(options)
    wrong = OF_A_SERVER if "bundle" in given else OF_A_BUNDLE
    for name in wrong:
        if name in given:
            option = f"--{name.replace('_', '-')}"
            way = "--bundle asks no server" if "bundle" in given else "give it with --bundle"
            raise UserError(f"{option}: {way}; leave {option} out" if "bundle" in given else f"{option}: {way}")
    if "bundle" not in given and "model" not in given:
        raise UserError("--model is missing: a model of the server; or --bundle DIR, which needs none")


def _check_values(options: argparse.Namespace) -> None:
    for name in ("connections", "timeout", "top_k", "processes"):
        value = getattr(options, name)
        if value is not None and value <= 0 and (name, value) != ("processes", 0):
            raise UserError(f"--{name.replace('_', '-')}: {value} is too small; give a number above 0")
    if options.ca and not options.ca.is_file():
        raise UserError(f"--ca: {options.ca} is not a file; give the authority's certificate as PEM")
    if options.format and options.output and options.output.suffix[1:] in set(FORMATS) - {options.format}:
        raise UserError(f"--format: {options.format} is not what {options.output} is called; leave one of them out")


def _check_form(options: argparse.Namespace) -> None:
    """Of answers that are files. Which forms there are the model's task knows."""
    form = options.form
    if not FORM.fullmatch(form) or nearest(form, FORMATS, LIKE):
        known = f"it is {', '.join(FORMATS)}, or a form of the task's such as png"
        raise UserError(f"--format: there is no '{form}'{did_you_mean(form, FORMATS, known)}")
    if not options.output:
        raise UserError(f"--format: {form} makes a file of each answer; give a folder for them with --output")
    if options.grpc:
        raise UserError(f"--format: {form} comes over REST; leave --grpc out")
    if options.top_k:
        raise UserError(f"--top-k: a {form} has no ranking; leave it out")


def _format_of(output: Path) -> str:
    ending = output.suffix[1:].lower()
    if ending in FORMATS:
        return ending
    near = nearest(ending, FORMATS)
    hint = f"did you mean .{near}?" if near else "call it .csv or .jsonl, or say which with --format"
    raise UserError(f"--output: {output} does not say in which format; {hint}")
