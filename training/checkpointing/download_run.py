"""A finished run from a store: `torchferry fetch s3://bucket/runs/digits -o runs/digits`.

The folder is as training left it, without checkpoints and traces; export takes it.
"""

from collections.abc import Sequence
from pathlib import Path

from torchferry.arguments import Parser
from torchferry.errors import StoreError, UserError
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.config.recipe import STORE_URL
from torchferry.whole_folder import refuse_existing, whole_folder


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry fetch", description=__doc__)
    parser.add_argument("url", help="the run: its checkpoint.store and its name, such as s3://bucket/runs/digits")
    parser.add_argument("-o", "--output", type=Path, help="the folder to write; must not exist (default runs/NAME)")
    options = parser.parse_args(arguments)
    if not STORE_URL.fullmatch(options.url):
        raise UserError(f"'{options.url}' is no URL; give one such as s3://bucket/runs/digits")
    run = RemoteRun.at(options.url)
    folder = options.output or Path("runs") / run.name
    try:
        fetch(run, folder)
    except StoreError:
        raise
    except OSError as error:
        raise UserError(f"{error.filename or folder}: {error.strerror or error}") from error
    print(f"{run.name} in {folder}")


def fetch(stored: RemoteRun, folder: Path) -> None:
    """Make `folder` the results of the run, checked and whole. Raises UserError, or OSError."""
    refuse_existing(folder)
    results = stored.results()
    checksums = results.checksums() if results is not None else None
    if results is None or checksums is None:
        raise UserError(f"{stored.url}: has no results; give the URL of a run that is finished")
    with whole_folder(folder) as written:
        results.get(checksums, written)
