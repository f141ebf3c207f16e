"""The class of what a checkpoint holds in one piece. Checkpoints name it by this module's path, so it stays here."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

FORMER = ("training", "training.state")
"""What this module and its package were called before there was a namespace, which checkpoints of that time name."""


class _Kept:
    """Something that is saved in one piece, however it is nested."""

    def __init__(self, content: Any) -> None:
        self.content = content


@contextlib.contextmanager
def former_name() -> Iterator[None]:
    """While it lasts, a pickle finds this module under its former name too, which may be another's."""
    theirs = {name: sys.modules[name] for name in FORMER if name in sys.modules}
    sys.modules.update({name: sys.modules[f"torchferry.{name}"] for name in FORMER})
    try:
        yield
    finally:
        for name in FORMER:
            del sys.modules[name]
        sys.modules.update(theirs)
