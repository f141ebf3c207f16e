"""`torchferry evaluate RUN|BUNDLE`: the task's metrics, on the run's own test set or on other data of the right kind.

--data names files of the kind that the model was trained on: a folder of class folders, a table, shards. Classes are
compared by name, never by position; samples that cannot be read are left out and counted.
"""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torchferry import run_folder
from torchferry.arguments import Parser
from torchferry.contract.tasks.metric_text import metric_text
from torchferry.errors import UserError

SHOWN = 5


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry evaluate", description=__doc__)
    parser.add_argument("model", type=Path, metavar="RUN|BUNDLE", help="a finished run folder, or a bundle")
    parser.add_argument("--data", metavar="PATH", help="other files of the kind that the model was trained on")
    parser.add_argument("--source", help="any source, as a recipe has it: '{name: table, args: {path: a.csv}}'")
    parser.add_argument("--variant", help="of a bundle (default the one that our server serves)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args(arguments)
    said = _evaluated(options.model, options.data, options.source, options.variant)
    for line in said["left_out"][:SHOWN]:
        print(f"left out: {line}", file=sys.stderr)
    if options.json:
        known = {name: value if math.isfinite(value) else None for name, value in said["metrics"].items()}
        print(json.dumps(said | {"metrics": known, "left_out": len(said["left_out"])}))
    else:
        print("\n".join(f"{name:10} {value}" for name, value in _rows(said)))


def _evaluated(path: Path, data: str | None, source: str | None, variant: str | None) -> dict[str, Any]:
    # Imported here, because torch takes seconds that nobody needs for --help.
    from torchferry.serving.bundle import bundle as bundles
    from torchferry.serving.export.evaluate_bundle import card_of, check_data_is_known, load_variant
    from torchferry.training.config.component_text import component_of
    from torchferry.training.discovery.judge import judge
    from torchferry.training.models.saved import load_model

    component = None if source is None else component_of(source, "--source")
    if (path / run_folder.MODEL / run_folder.CARD).is_file():
        if variant is not None:
            raise UserError(f"--variant: {path} is a run folder; variants are in a bundle")
        model, card = load_model(path)
        return asdict(judge(model, card, data, component))
    if not (path / "model.json").is_file():
        raise UserError(f"{path}: is neither a finished run folder (model/model.yaml) nor a bundle (model.json)")
    bundle = bundles.load(path)
    answers, chosen = load_variant(bundle, variant)
    card = card_of(bundle)
    check_data_is_known(card, bundle, data, component)
    return asdict(judge(answers, card, data, component, on_cpu=True)) | {"variant": chosen}


def _rows(said: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("model", said["name"] + (f", {said['variant']}" if "variant" in said else "")), ("task", said["task"])]
    rows += [("samples", f"{said['samples']:,}"), ("left out", f"{len(said['left_out']):,}")]
    return rows + [(name, metric_text(name, value)) for name, value in said["metrics"].items()]
