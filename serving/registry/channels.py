"""`promote` and `rollback`: which version a channel means, and meant."""

from collections.abc import Sequence

from torchferry.arguments import Parser
from torchferry.errors import UserError
from torchferry.serving.registry.catalogue import Catalogue, Move, located


def promote(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry promote", description="Make a channel mean a version.")
    parser.add_argument("reference", help="URL/NAME@VERSION, or URL/NAME@CHANNEL for what that means now")
    parser.add_argument("channel", help="such as stable")
    options = parser.parse_args(arguments)
    catalogue, wanted = located(options.reference)
    _say(catalogue.move(options.channel, catalogue.resolve(wanted)))


def rollback(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry rollback", description="Make a channel mean what it meant before.")
    parser.add_argument("reference", help="URL/NAME@CHANNEL (default @stable)")
    catalogue, channel = located(parser.parse_args(arguments).reference)
    _say(catalogue.move(channel, before(catalogue, channel)))


def before(catalogue: Catalogue, channel: str) -> str:
    """What the channel meant before what it means now; again and again, it walks back. Raises UserError."""
    moves = [move for move in catalogue.history() if move.channel == channel]
    # A move that was killed halfway is not in the history; the one after it, or the channel, knows what it meant.
    meant = [version for move in moves for version in (move.before, move.version)] + [catalogue.channel(channel)]
    walked: list[str] = []
    for version in filter(None, meant):
        if len(walked) > 1 and version == walked[-2]:
            walked.pop()  # a move back is no new place to come back to
        elif not walked or version != walked[-1]:
            walked.append(version)
    if len(walked) < 2:
        raise UserError(f"{catalogue.store.url}/{catalogue.name}: {channel} has meant nothing else before")
    return walked[-2]


def newer(catalogue: Catalogue, channel: str, version: str) -> str | None:
    """A version that the channel has had and that is newer than `version`: exported after it, or, where bundles do not
    say when or at the same time, come to the channel after it. One that does not say when and never came to the channel
    is older than any. None where there is none."""
    had = list(dict.fromkeys(move.version for move in catalogue.history() if move.channel == channel))
    made = {name: catalogue.exported(name) for name in {*had, version}}
    if had and version not in had and not made[version]:
        return had[-1]
    for other in reversed(had):
        if made[other] and made[version] and made[other] != made[version]:
            is_newer = made[other] > made[version]
        else:
            is_newer = version in had and had.index(other) > had.index(version)
        if is_newer:
            return other
    return None


def _say(move: Move) -> None:
    print(f"{move.channel}: {move.before or 'nothing'} -> {move.version}")
