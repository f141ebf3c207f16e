"""`torchferry up --runtime onnx|torchserve MODEL...`: start a server and run it until told to stop."""

import importlib
from collections.abc import Sequence

from torchferry.arguments import Parser

RUNTIMES = {
    "onnx": "torchferry.serving.onnx_server.up_onnx",
    "torchserve": "torchferry.serving.torchserve.up_torchserve",
}


def main(arguments: Sequence[str]) -> None:
    """Each runtime has options of its own, and is imported only when it is chosen."""
    parser = Parser(prog="torchferry up", description=__doc__, add_help=False, allow_abbrev=False)
    parser.add_argument("--runtime", choices=RUNTIMES, help="--runtime RUNTIME --help says more")
    parser.add_argument("--help", "-h", action="store_true")
    options, rest = parser.parse_known_args(arguments)
    if options.help and not options.runtime:
        parser.print_help()
        return
    if not options.runtime:
        parser.error(f"--runtime is missing; choose one of {', '.join(RUNTIMES)}")
    if options.help:
        rest.append("--help")
    importlib.import_module(RUNTIMES[options.runtime]).main(rest)
