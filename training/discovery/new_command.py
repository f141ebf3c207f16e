"""`torchferry new KIND ... -o FILE`: a commented recipe for your data, which was looked at and tried.

Nothing is overwritten. What the recipe is for is found in the data: classes, sizes of pictures, columns, rows.
"""

import argparse
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torchferry.arguments import Parser
from torchferry.errors import UserError


def main(arguments: Sequence[str]) -> None:
    options = parser().parse_args(arguments)
    _check_output(options.output)
    if getattr(options, "size", None) is not None and options.size < 8:
        raise UserError(f"--size: {options.size} is too small; give 8 or more")
    draft = _draft(options)
    output = options.output or Path(f"{draft.name}.yaml")
    _check_output(output)
    _write(draft, output)
    print(f"{draft.title}\nwrote {output}; begin with: torchferry train --config {output}")


def parser() -> argparse.ArgumentParser:
    made = Parser(prog="torchferry new", description=__doc__)
    kinds = made.add_subparsers(dest="kind", metavar="KIND", required=True)
    folder = _kind(kinds, "image-folder", "pictures in a folder of each class")
    folder.add_argument("root", help="ROOT/train/CLASS and ROOT/test/CLASS")
    _add_size(folder)
    rows = _kind(kinds, "table", "rows of a CSV or Parquet file")
    rows.add_argument("path", help="the file, or a URL")
    rows.add_argument("--target", required=True, help="the column to predict; several with commas")
    rows.add_argument("--task", choices=("classification", "regression"), help="(default by the target's values)")
    texts = _kind(kinds, "text", "texts of a CSV, JSON lines or Parquet file, or of class folders")
    texts.add_argument("path", help="the file or a URL; or ROOT/train/CLASS and ROOT/test/CLASS, or ROOT/CLASS")
    texts.add_argument("--target", help="the column to predict, or columns of 0 and 1 with commas (default label)")
    texts.add_argument("--text", help="the column with the texts (default text)")
    shards = _kind(kinds, "webdataset", "tar files in WebDataset's format")
    shards.add_argument("train", help="shards, such as 'shards/train-{000..003}.tar'")
    shards.add_argument("--test", required=True, help="shards to test on")
    shards.add_argument("--labels", required=True, help="the classes' names with commas, or a file with one a line")
    _add_size(shards)
    tuned = _kind(kinds, "finetune", "pictures, and weights to begin from")
    tuned.add_argument("root", help="ROOT/train/CLASS and ROOT/test/CLASS")
    tuned.add_argument("--weights", required=True, help="a file, or torchvision's such as ResNet18_Weights.DEFAULT")
    tuned.add_argument("--model", help="the network they are of, by import path (default by torchvision's name)")
    _add_size(tuned)
    sets = _kind(kinds, "dataset", "any data set of torch's kind, by its import path")
    sets.add_argument("train", help='package.module.Class, or \'{"name": ..., "args": {...}}\'')
    sets.add_argument("--test", required=True, help="the same for samples to test on")
    sets.add_argument("--labels", required=True, help="how many classes, or their names with commas")
    _add_size(sets)
    return made


def _kind(kinds: Any, name: str, purpose: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = kinds.add_parser(name, help=purpose, description=purpose)
    made.add_argument("--output", "-o", type=Path, metavar="FILE", help="the recipe to write (default NAME.yaml)")
    return made


def _add_size(made: argparse.ArgumentParser) -> None:
    made.add_argument("--size", type=int, help="height and width that pictures are resized to (default by theirs)")


def _draft(options: argparse.Namespace) -> Any:
    # Imported here, because torch takes seconds that nobody needs for --help.
    from torchferry.training.config.component_text import component_of
    from torchferry.training.discovery import image_drafts, other_drafts, text_drafts

    if options.kind == "image-folder":
        return image_drafts.image_folder(options.root, options.size)
    if options.kind == "table":
        return other_drafts.table(options.path, options.target, options.task)
    if options.kind == "text":
        return text_drafts.text(options.path, options.target, options.text)
    if options.kind == "webdataset":
        return image_drafts.webdataset(options.train, options.test, options.labels, options.size)
    if options.kind == "finetune":
        return image_drafts.finetune(options.root, options.weights, options.model, options.size)
    train, test = (component_of(text, option) for text, option in ((options.train, "TRAIN"), (options.test, "--test")))
    return other_drafts.dataset(dataclasses.asdict(train), dataclasses.asdict(test), options.labels, options.size)


def _check_output(output: Path | None) -> None:
    if output is not None and output.exists():
        raise UserError(f"{output}: is there already, and is not overwritten; name another file with -o")
    if output is not None and not output.parent.is_dir():
        raise UserError(f"{output.parent}: is no folder; name a file in one that is there with -o")


def _write(draft: Any, output: Path) -> None:
    """Only a recipe that can take a step becomes the file."""
    from torchferry.training.discovery.draft import text_of

    written = output.with_name(f".{output.name}.{os.getpid()}.unfinished")
    try:
        written.write_text(text_of(draft, str(output)), encoding="utf-8")
        _try(written)
        os.link(written, output)  # refuses what has come to be there
    except FileExistsError as error:
        raise UserError(f"{output}: is there already, and is not overwritten") from error
    finally:
        written.unlink(missing_ok=True)


def _try(path: Path) -> None:
    from torchferry.training.config.cli import parse
    from torchferry.training.distributed.process_group import rank_info_of
    from torchferry.training.trainer.build import build_run

    recipe = parse(["--config", str(path)])
    if recipe.weights is not None and not Path(recipe.weights.source).exists():
        recipe = dataclasses.replace(recipe, weights=None)  # torchvision's, which training downloads
    build_run(recipe, rank_info_of({}))
