"""Parameters of a network by patterns over their names, as `freeze` and `optimizer.groups` have them."""

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from torchferry.errors import UserError


def matching(patterns: Sequence[str], network: nn.Module, key: str) -> list[nn.Parameter]:
    """Each once, in the network's order; `*` stands for any letters, dots too.

    A parameter that layers share goes by each of its names. Raises UserError for a pattern that matches nothing; `key`
    is the recipe's.
    """
    named = list(network.named_parameters(remove_duplicate=False))
    names = [name for name, _ in named]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UserError(f"{key}: no parameter matches '{pattern}'; {_nearest(pattern, names)}")
    found = [value for name, value in named if any(fnmatchcase(name, pattern) for pattern in patterns)]
    return list(dict.fromkeys(found))


def _nearest(pattern: str, names: list[str]) -> str:
    if any(name.startswith(f"{pattern}.") for name in names):
        return f"did you mean {pattern}.*?"
    bare = pattern.replace("*", "").strip(".")
    parts = dict.fromkeys(name[:end] for name in names for end, letter in enumerate(name) if letter == ".")
    near = difflib.get_close_matches(bare, names if bare == pattern else parts, n=1)
    if not near:
        return f"the network has {', '.join(names[:3])} and {len(names)} in all"
    return f"did you mean {near[0]}?" if near[0] in names else f"did you mean {near[0]}.*?"
