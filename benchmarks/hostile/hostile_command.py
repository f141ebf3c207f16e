"""`torchferry bench hostile BUNDLE`: honest requests alone and beside an attack, in turn.

A server of ours is started on loopback. Its attackers are peers that never finish, a flood of one client, small bodies
that become large, gRPC streams given up at once, and malformed requests, each from an address of its own. With
--minutes it is one long run of both loads: what failed, and what drifts.
"""

import os
import tempfile
import time
from argparse import ArgumentTypeError, Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from torchferry.arguments import Parser, count, finite
from torchferry.benchmarks import record
from torchferry.benchmarks.hostile.attack import ATTACKERS, Counted
from torchferry.benchmarks.hostile.long_run import long_run
from torchferry.benchmarks.hostile.rounds import Sides, figures, table
from torchferry.benchmarks.hostile.started import RUNTIMES, Started, started
from torchferry.benchmarks.hostile.vitals import Vitals, told
from torchferry.benchmarks.interruption import end_as
from torchferry.benchmarks.load.options import add_sending, check
from torchferry.errors import UserError
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.session.runtimes import FIRST

AFTER = 3.0  # seconds for the server to notice that the attackers have gone


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry bench hostile", description=__doc__)
    parser.add_argument("bundle", type=Path, help="made by torchferry export")
    parser.add_argument("--runtime", choices=list(RUNTIMES), default="onnx", help="torchserve is behind nginx")
    parser.add_argument("--variant", default=FIRST, help=f"of the bundle (default {FIRST})")
    parser.add_argument("--rate", type=finite, default=50, help="honest requests a second (default 50)")
    parser.add_argument("--rounds", type=count, default=3, help="each alone and beside the attack (default 3)")
    parser.add_argument("--minutes", type=finite, help="instead of rounds: so long beside the attack")
    parser.add_argument(
        "--attacks", type=_attacks, default=tuple(ATTACKERS), help=f"with commas (default {','.join(ATTACKERS)})"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the malformed requests (default 0)")
    add_sending(parser)
    parser.set_defaults(timeout=10.0)
    options = parser.parse_args(arguments)
    check(options)
    if options.minutes is not None and options.minutes <= 0:
        raise UserError(f"--minutes: {options.minutes} is too small; give more than 0")
    bundle = bundles.load(options.bundle.absolute())
    if options.variant not in bundle.accepted:
        found = ", ".join(bundle.accepted) or "none"
        raise UserError(f"--variant: {options.bundle} has no accepted '{options.variant}', only {found}")
    with tempfile.TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        serving = started(options.runtime, bundle, options.variant, root, timeout=options.timeout, seed=options.seed)
        with serving as server:
            _in_rounds(server, bundle, options, root) if options.minutes is None else _at_length(
                server, bundle, options
            )


def _in_rounds(server: Started, bundle: Bundle, options: Namespace, folder: Path) -> None:
    sides = Sides(server, options)
    rounds = sides.alternate(folder)
    if not rounds.finished:
        end_as(rounds.interrupted)
    partial = "PARTIAL, " if rounds.finished < options.rounds else ""
    print(f"{partial}{_heading(bundle, options)}; {rounds.finished} rounds of {options.seconds:g} s each")
    print(table(rounds))
    after = _end(server, {"honest requests": sides.outcomes, **sides.counted}, sides.seen)
    content = {
        "model": bundle.name,
        "rounds": rounds.of,
        "outcomes": sides.outcomes,
        "attack": sides.counted,
        "vitals": [asdict(one) for one in (*sides.seen, after)],
        "interrupted": rounds.interrupted,
    }
    record.write("hostile", options, content, figures(rounds))
    end_as(rounds.interrupted)


def _at_length(server: Started, bundle: Bundle, options: Namespace) -> None:
    found = long_run(server, options)
    print(f"{_heading(bundle, options)}; {options.minutes:g} minutes")
    print(found.told())
    after = _end(server, {"honest requests": Counter(found.result.outcomes), **found.counted}, found.seen)
    record.write("soak", options, found.content() | {"after": asdict(after)}, found.figures())
    end_as(found.result.interrupted)


def _heading(bundle: Bundle, options: Namespace) -> str:
    return (
        f"{bundle.name} {options.variant} by {options.runtime}: {options.rate:g} honest requests a second beside "
        f"{', '.join(options.attacks)};\n{len(os.sched_getaffinity(0))} cores, shared with clients and attackers"
    )


def _end(server: Started, counted: Counted, seen: Sequence[Vitals]) -> Vitals:
    """Says what the attackers got, and what the server holds when they have gone."""
    time.sleep(AFTER)
    after = Vitals.of(server.process)
    print(told(seen, after))
    for name, of in counted.items():
        print(f"{name}: " + (", ".join(f"{number:,} x {what}" for what, number in of.most_common()) or "no answer"))
    return after


def _attacks(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    if unknown := [name for name in names if name not in ATTACKERS]:
        raise ArgumentTypeError(f"there is no '{unknown[0]}'; choose of {', '.join(ATTACKERS)}")
    return names
