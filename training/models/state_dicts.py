"""The state_dicts in a checkpoint, by the keys that lead to them: `state_dict`, `model`, `ema.module` and the like."""

import re
from collections.abc import Iterator
from typing import Any

import torch

from torchferry.errors import UserError

AVERAGE = re.compile(r"(^|[._])(ema|avg|average|averaged|swa|shadow)([._]|$)", re.IGNORECASE)
"""Keys of a moving average of the weights."""
DEEPEST = 3


def state_dicts(content: Any, source: str) -> dict[str, dict[str, torch.Tensor]]:
    """What is not empty and holds tensors alone; under "" the content itself. Raises UserError where there is none."""
    found = dict(_search(content, "", DEEPEST))
    if found:
        return found
    odd = content.items() if isinstance(content, dict) else ()
    what = next((f", whose {name} is no tensor" for name, value in odd if not isinstance(value, torch.Tensor)), "")
    raise UserError(f"weights.source: {source} holds a {type(content).__name__}, not a state_dict of tensors{what}")


def _search(content: Any, key: str, levels: int) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    # Numbers are an optimizer's names for parameters.
    if not isinstance(content, dict) or not content or not all(isinstance(name, str) for name in content):
        return
    if all(isinstance(value, torch.Tensor) for value in content.values()):
        yield key, dict(content)
        return
    for name, value in content.items():
        if levels and not name.startswith("optim"):
            yield from _search(value, f"{key}.{name}" if key else name, levels - 1)
