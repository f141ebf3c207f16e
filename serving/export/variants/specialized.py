"""In words, what torch.export says of sizes that a network does not take, or takes only some of."""

import re
from collections.abc import Sequence

from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.sizes import axes_of

FIXES = "Suggested fixes:"
BOUNDS = re.compile(r"([^_\W]\w*) = Dim\('\w+'(?:, min=(\d+))?(?:, max=(\d+))?\)")
MULTIPLE = re.compile(r"(\w+) = (\d+)\*_?\w+")
CONSTANT = re.compile(r"(\w+) = (\d+)")
EQUAL = re.compile(r"(\w+) = ([A-Za-z]\w*)")
NOT_SAID = re.compile(r"Not all values of (\w+) = .* satisfy the generated guard (.*?)\.?$")


def specialized(said: str, inputs: Sequence[TensorSpec]) -> str:
    """Empty where it is of something else."""
    axes = axes_of(inputs)
    if not axes or FIXES not in said:
        guards = [each for each in map(NOT_SAID.search, map(str.strip, said.splitlines())) if each and each[1] in axes]
        return f"the network does not take every size of {guards[0][1]}: {guards[0][2]}" if guards else ""
    found: dict[str, str] = {}
    for line in map(str.strip, said.partition(FIXES)[2].strip().split("\n\n")[0].splitlines()):
        for pattern, words in ((MULTIPLE, _multiple), (CONSTANT, _constant), (BOUNDS, _bounds), (EQUAL, _equal)):
            if (match := pattern.fullmatch(line)) and match[1] in axes:
                found.setdefault(match[1], words(match))
                break
    return "; ".join(found.values())


def _multiple(found: re.Match[str]) -> str:
    return f"the network takes only multiples of {found[2]} of '{found[1]}'; say [{found[1]}=LEAST..MOST/{found[2]}]"


def _constant(found: re.Match[str]) -> str:
    return f"the network takes one size of '{found[1]}' alone, {found[2]}; say that in place of its bounds"


def _bounds(found: re.Match[str]) -> str:
    least, most = found[2] or "LEAST", found[3] or "MOST"
    return f"the network takes '{found[1]}' only from {least} to {most}; say [{found[1]}={least}..{most}]"


def _equal(found: re.Match[str]) -> str:
    return f"the network takes '{found[1]}' and '{found[2]}' of one size alone; give both axes one name"
