"""An overlay for one run: `torchferry render --nodes 4 --gpus 8 --recipe R -o DIR`, `kubectl apply -k DIR`.

The folder holds all it needs, so it can be applied from anywhere and kept with the run's results. Applied twice it
changes nothing; rendered again it is a new run, unless --name says which.
"""

import argparse
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from torchferry import __version__
from torchferry.arguments import Parser
from torchferry.training.render import folder, manifests, overlay
from torchferry.training.render.request import CHOICES, Request, name_for, nodes, recipe_file

STORAGE = "a claim that exists, the size of one of the run's own, or a store such as s3://bucket/runs (%(default)s)"


def main(arguments: Sequence[str], clock: Callable[[], float] = time.time) -> None:
    options = _parser().parse_args(arguments)
    recipe = recipe_file(options.recipe)
    fewest, most = nodes(options.nodes)
    request = Request(
        name=options.name if options.name is not None else name_for(recipe, clock()),
        recipe=recipe,
        overrides=tuple(options.set),
        fewest=fewest,
        most=most,
        gpus=options.gpus,
        image=options.image,
        storage=options.storage,
        namespace=options.namespace,
        components=tuple(word for word in options.components.split(",") if word),
    )
    command = shlex.join(["torchferry", "render", *arguments])
    parts = [f"components/{name}" for name in request.all_components]
    folder.put(options.output, manifests.read("base/training", *parts) | overlay.files(request, command))
    print(f"{request.name}: {request.in_words}; kubectl apply -k {shlex.quote(str(options.output))}")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="torchferry render", description=__doc__)
    option = parser.add_argument
    option("--nodes", default="2", metavar="N", help="pods; FEWEST:MOST lets the run go on while some are lost (2)")
    option("--gpus", type=int, default=0, metavar="N", help="GPUs of each pod, and as many ranks; 0 is the CPU (0)")
    option("--recipe", required=True, help="the name of a recipe that comes with training, or a file")
    option("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the recipe; repeatable")
    option("--name", help="the run, its Job and its run folder (the recipe's name and the time)")
    option("--image", default=f"torchferry-train:{__version__}", help="what the pods run (%(default)s)")
    option("--storage", default="20Gi", help=STORAGE)
    option("--namespace", help="where it runs (the one that kubectl uses)")
    option("--components", default="", metavar="A,B", help=f"any of {', '.join(CHOICES)}")
    option("-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write")
    return parser
