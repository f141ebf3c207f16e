"""`torchferry models list|register|rollout|default|scale|remove`: what a running TorchServe serves."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from torchferry.arguments import Parser
from torchferry.serving.torchserve.models import Models
from torchferry.serving.torchserve.rollout import Rollout
from torchferry.serving.torchserve.rollout_limits import add_limits, limits_of


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry models", description=__doc__)
    parser.add_argument("--management-port", type=int, default=8081, help="of the server (default 8081)")
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    verbs.add_parser("list", help="models, versions, workers and queues")
    register = verbs.add_parser("register", help="load an archive beside what is served")
    register.add_argument("archive", type=Path, help="a .mar made by torchferry archive")
    for verb, text in (
        ("rollout", "make it the default, watch it, and go back if it does worse than the one before"),
        ("default", "send the requests that name no version to this one"),
        ("scale", "change how many workers serve it"),
        ("remove", "unload it after its last request"),
    ):
        command = verbs.add_parser(verb, help=text)
        command.add_argument("model", type=_versioned, metavar="MODEL@VERSION")
        if verb == "scale":
            command.add_argument("workers", type=int)
        if verb == "rollout":
            command.add_argument("--archive", type=Path, help="its .mar, if it is not registered yet")
            add_limits(command)
    options = parser.parse_args(arguments)
    models = Models(options.management_port)
    if options.verb == "list":
        print(models.table())
    elif options.verb == "register":
        models.register(options.archive)
    elif options.verb == "scale":
        models.scale(options.model, options.workers)
    elif options.verb == "rollout":
        Rollout(models, options.model, options.archive).run(limits_of(options))
    else:
        {"default": models.set_default, "remove": models.remove}[options.verb](options.model)


def _versioned(text: str) -> tuple[str, str]:
    name, _, version = text.partition("@")
    if not (name and version):
        raise argparse.ArgumentTypeError(f"{text} is not of the form MODEL@VERSION")
    return name, version
