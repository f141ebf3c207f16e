"""The class of what a checkpoint holds in one piece. Checkpoints name it by this module's path, so it stays here."""

from typing import Any

FORMER = "training.state"
"""What this module was called before there was a namespace, which checkpoints of that time name."""


class _Kept:
    """Something that is saved in one piece, however it is nested."""

    def __init__(self, content: Any) -> None:
        self.content = content
