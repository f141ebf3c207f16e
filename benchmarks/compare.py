"""`torchferry bench compare OLD.json NEW.json`: faster, slower or no difference, by a paired bootstrap.

Or two commits of this repository, alternated in one run, which is what to trust on a machine that others share:
`compare --commits OLD NEW -- training --models digits`, and for the server that a commit starts
`compare --commits OLD NEW --serve "--runtime torchserve STORE" -- latency {rest} --model M --input IMAGE`.
Exit code 1 if a figure is slower beyond --tolerance.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torchferry.arguments import Parser, finite
from torchferry.benchmarks import commits, record
from torchferry.benchmarks.interruption import end_as
from torchferry.benchmarks.verdict import LEAST, Verdict, judge
from torchferry.errors import UserError

# What may differ between two runs of the same measurement.
NOT_COMPARED = ("output", "url", "metrics", "pid", "scratch", "ca", "header")


def main(arguments: Sequence[str]) -> None:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    parser = Parser(prog="torchferry bench compare", description=__doc__)
    parser.add_argument("old", help="a result written with --output, or a commit")
    parser.add_argument("new", help="the same, to be judged")
    parser.add_argument("--tolerance", type=finite, default=0.05, help="worse by this share is passed (default 0.05)")
    parser.add_argument("--confidence", type=finite, default=0.95, help="of all figures together (default 0.95)")
    parser.add_argument("--commits", action="store_true", help="measure two commits with the verb after --")
    parser.add_argument("--rounds", type=int, default=7, help="of each commit (default 7)")
    parser.add_argument("--serve", metavar="OPTIONS", help="what `torchferry up` of the commit is given")
    parser.add_argument("--scratch", type=Path, default=Path("runs"), help="folder for the commits (default runs)")
    parser.add_argument("--output", type=Path, help="write the verdicts as JSON here")
    options = parser.parse_args(arguments[:end])
    _check(options.tolerance, options.confidence)
    record.check(options)
    interrupted = None
    if options.commits:
        if options.rounds < LEAST:
            raise UserError(f"--rounds: {options.rounds} is too small; give {LEAST} or more")
        old, new, interrupted = commits.measure(options, arguments[end + 1 :])
    else:
        if arguments[end:]:
            raise UserError("there are words after --, which belong to --commits; two files need none")
        (before, old), (after, new) = record.read(Path(options.old)), record.read(Path(options.new))
        print(_conditions(before, after, options), end="")
    verdicts = judge(old, new, options.confidence)
    if not verdicts:
        raise UserError("the two have no figure in common; was one of them void?")
    print(table(verdicts))
    record.write("compare", options, {name: asdict(verdict) for name, verdict in verdicts.items()}, {})
    end_as(interrupted)
    if any(verdict.says == "slower" and verdict.worse_by > options.tolerance for verdict in verdicts.values()):
        sys.exit(1)


def table(verdicts: Mapping[str, Verdict]) -> str:
    wide = max(len(name) for name in verdicts)
    lines = [f"{'figure':{wide}}  {'verdict':13} {'new / old':>22} {'confidence':>10} {'pairs':>6}"]
    for name, verdict in verdicts.items():
        shown = f"{verdict.ratio!s:>22} {verdict.confidence:10.1%}" if verdict.ratio else f"{'-':>22} {'-':>10}"
        lines.append(f"{name:{wide}}  {verdict.says:13} {shown} {verdict.pairs:6}")
    return "\n".join(lines)


def _check(tolerance: float, confidence: float) -> None:
    if tolerance < 0:
        raise UserError(f"--tolerance: {tolerance} is too small; give 0 or more, 0.05 being 5 %")
    if not 0.5 <= confidence < 1:
        raise UserError(f"--confidence: {confidence} is not between 0.5 and 1")


def _conditions(old: Mapping[str, Any], new: Mapping[str, Any], options: Any) -> str:
    """What besides the thing measured may make the difference. Raises UserError for two different benchmarks."""
    if old["benchmark"] != new["benchmark"]:
        raise UserError(
            f"{options.old} is of '{old['benchmark']}' and {options.new} of '{new['benchmark']}'; give two of the same"
        )
    notes = ["note: these are two runs, so whatever changed on the machine in between counts too"]
    for part, skipped in (("machine", ()), ("arguments", NOT_COMPARED)):
        before, after = old.get(part) or {}, new.get(part) or {}
        differing = [key for key in {**before, **after} if key not in skipped and before.get(key) != after.get(key)]
        notes += [f"note: {key} was {before.get(key)} and is {after.get(key)}" for key in differing]
    return "".join(f"{note}\n" for note in notes)
