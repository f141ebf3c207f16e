"""`torchferry report runs/digits sweep.json -o report.html`: one page of runs, bundles and results.

Takes run folders, bundles and the JSON files that the other verbs write. The page is a single file that loads
nothing and runs no script, so it can be mailed, printed, or kept beside what it shows.
"""

from collections.abc import Sequence
from pathlib import Path

from torchferry.arguments import Parser
from torchferry.benchmarks.report.page import MADE_BY, page
from torchferry.benchmarks.report.source import read
from torchferry.benchmarks.whole_file import write_whole
from torchferry.errors import UserError


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry report", description=__doc__)
    what = "a run folder, a bundle, or a JSON file of another verb"
    parser.add_argument("sources", metavar="RUN_OR_RESULTS", nargs="+", type=Path, help=what)
    parser.add_argument("--output", "-o", type=Path, default=Path("report.html"), help="default report.html")
    parser.add_argument("--title", help="default the names of what is shown")
    options = parser.parse_args(arguments)
    _check(options.output)
    text = page(read(options.sources), options.title)
    write_whole(options.output, text, "--output")
    print(f"report       {options.output}")


def _check(output: Path) -> None:
    """Raises UserError for what cannot be written, or is somebody else's."""
    try:
        if output.is_dir():
            raise UserError(f"--output: {output} is a folder; give a file in it")
        if not output.parent.is_dir():
            raise UserError(f"--output: {output.parent} is not a folder; make it first")
        if output.exists() and not _is_report(output):
            raise UserError(f"--output: {output} exists and is no report; give another name")
    except OSError as error:
        raise UserError(f"--output: {output} cannot be written ({error.strerror})") from error


def _is_report(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'content="{MADE_BY}"'.encode() in file.read(1000)
