"""`python -m training`, `serving` or `benchmarks` in a checkout: forwards to the command's verb.

It is all that can be imported by these names. Under them, a module of ours would be loaded a second time, and its
classes would not be those of the first.
"""

import sys

from torchferry.command import main


def words(package: str, given: list[str]) -> list[str]:
    """The command's arguments, from those of `python -m PACKAGE`."""
    if package == "benchmarks" and given[:1] not in (["demo"], ["report"]):
        return ["bench", *given]
    if package == "training" and given[:1] not in (["samples"], ["fetch"], ["render"]):
        return ["train", *given]
    return given


if __name__ == "__main__":
    sys.exit(main(words(str(__package__), sys.argv[1:])))
